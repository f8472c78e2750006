import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { type TestContext, test } from 'node:test';
import { askConsole } from '../../../src/agent/access/ask-console.js';
import { consoleCertificate } from '../../../src/agent/access/console-certificate.js';
import { validateConfig } from '../../../src/config/load.js';
import { HANG_MS } from '../../liveness.js';
import { listen } from '../../ports.js';
import { temporaryFolder } from '../../temporary-folder.js';

async function robot(t: TestContext) {
  const config = validateConfig({
    paths: { stateDir: temporaryFolder(t) },
    console: { tls: { mode: 'self-signed' } },
  });
  const { certificatePem: cert, keyPem: key } = (await consoleCertificate(config, {}))!;
  return { config, cert, key };
}

test('a token goes to the page with the certificate of this robot alone', async (t) => {
  const [own, foreign] = [await robot(t), await robot(t)];
  const seen: (string | undefined)[] = [];
  const serve = async ({ cert, key }: { cert: string; key: string }): Promise<string> => {
    const server = createServer({ cert, key }, (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(request.url === '/none' ? 404 : 200).end('here');
    });
    t.after(() => server.close());
    return `https://127.0.0.1:${await listen(server)}`;
  };
  const headers = { authorization: 'Bearer secret' };
  const ask = (url: string) => askConsole({ url, headers, timeoutMs: HANG_MS }, own.config);
  const page = await serve(own);
  assert.equal(Buffer.from((await ask(`${page}/`))!).toString(), 'here');
  assert.equal(await ask(`${page}/none`), null);
  seen.length = 0;
  await assert.rejects(ask(`${await serve(foreign)}/`), /another certificate/);
  assert.deepEqual(seen, []);
});
