import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { unzipSync, zipSync } from 'fflate';
import sharp from 'sharp';
import { ask, WRITE } from '../../console/client.js';
import { TEST_HANG_MS } from '../../liveness.js';
import { someCard, someHead } from '../../training/fixture.js';
import { TestAgent } from '../support.js';

type Test = Parameters<typeof TestAgent.start>[0];
// biome-ignore lint/suspicious/noExplicitAny: what is asserted on is what came over the wire
type Body = any;

/** The pictures of a running robot, by HTTP. */
class Pictures {
  constructor(readonly running: TestAgent) {}

  static async open(t: Test, settings: object = {}): Promise<Pictures> {
    return new Pictures(await TestAgent.start(t, ['crop'], { ...settings }));
  }

  get agent() {
    return this.running.agent;
  }

  get samples() {
    return this.agent.state.tasks[0].samples;
  }

  async get(path: string): Promise<Body> {
    const { status, json } = await ask(`${this.running.url}/api/${path}`);
    assert.equal(status, 200, path);
    return json;
  }

  async post(path: string, body: object = {}): Promise<{ status: number; json: Body }> {
    return ask(`${this.running.url}/api/${path}`, 'POST', WRITE, JSON.stringify(body));
  }

  async drop(
    query: Record<string, string>,
    bytes: Buffer,
    type = 'image/jpeg',
  ): Promise<{ status: number; json: Body }> {
    const headers = { ...WRITE, 'content-type': type };
    const path = `${this.running.url}/api/pictures/import?${new URLSearchParams(query)}`;
    return ask(path, 'POST', headers, bytes);
  }

  /** Imports drawn pictures of some classes, as a person does. */
  async fill(classes: Record<string, number>): Promise<void> {
    for (const [label, count] of Object.entries(classes)) {
      for (let i = 0; i < count; i++) {
        const { status, json } = await this.drop(
          { name: `${label} ${i}.jpg`, label },
          await picture(label, i),
        );
        assert.deepEqual([status, json.stored], [200, 1], JSON.stringify(json));
      }
    }
  }

  async ids(query: Record<string, string> = {}): Promise<string[]> {
    const { pictures } = await this.get(`pictures?${new URLSearchParams(query)}`);
    return pictures.map(({ id }: { id: string }) => id);
  }
}

let seed = 0;
async function picture(label: string, index: number, size = 64): Promise<Buffer> {
  const hue = [...label].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) * 37;
  const noise = Buffer.from(
    Array.from({ length: size * size * 3 }, (_, i) => (hue + index * 31 + i * (7 + ++seed)) % 256),
  );
  return sharp(noise, { raw: { width: size, height: size, channels: 3 } })
    .jpeg()
    .toBuffer();
}

describe('the stored pictures of a real robot, on the page', { timeout: TEST_HANG_MS }, () => {
  test('are listed, counted, corrected, removed and brought back', async (t) => {
    const page = await Pictures.open(t);
    await page.fill({ weed: 3, beet: 2 });
    const facets = await page.get('pictures/facets');
    assert.deepEqual(facets.classes, [
      { label: 'beet', training: 2, holdout: 0 },
      { label: 'weed', training: 3, holdout: 0 },
    ]);
    assert.deepEqual(
      facets.cameras.find(({ camera }: Body) => camera === 'import'),
      { camera: 'import', samples: 5 },
    );
    const weeds = await page.ids({ label: 'weed' });
    assert.equal(weeds.length, 3);
    assert.deepEqual(await page.ids({ label: 'weed', order: 'oldest', offset: '1', limit: '1' }), [
      weeds[1],
    ]);

    const ids = weeds.slice(0, 2);
    const set = await page.post('pictures/set', { ids, to: { label: 'beet' } });
    assert.deepEqual([set.status, set.json.changed], [200, 2]);
    assert.equal((await page.ids({ label: 'beet' })).length, 4);
    const undone = await page.post('undo', { undo: set.json.undo });
    assert.deepEqual([undone.json.changed, undone.json.kept], [2, 0]);
    assert.deepEqual(await page.ids({ label: 'weed' }), weeds);
    await page.post('undo', { undo: undone.json.undo });
    assert.equal((await page.ids({ label: 'beet' })).length, 4, 'done again');

    const removed = await page.post('pictures/set', { ids: [weeds[2]], to: { state: 'trash' } });
    assert.deepEqual(await page.ids({ label: 'weed' }), []);
    assert.deepEqual(await page.ids({ state: 'trash' }), [weeds[2]]);
    const { picture: shown, history } = await page.get(`pictures/${weeds[2]}`);
    assert.deepEqual([shown.state, shown.label, history.at(-1).to], ['trash', null, null]);
    await page.post('undo', { undo: removed.json.undo });
    assert.deepEqual(await page.ids({ label: 'weed' }), [weeds[2]]);

    const cannotTell = { ids: [weeds[2]], to: { state: 'cannot_tell' } };
    await page.post('pictures/set', cannotTell);
    assert.deepEqual(await page.ids({ state: 'cannot_tell' }), [weeds[2]]);
    const unknown = await page.post('pictures/set', { ids: ['nobody'], to: { state: 'trash' } });
    assert.deepEqual([unknown.status, unknown.json.error.code], [404, 'HL_SAMPLE_UNKNOWN']);
  });

  test('a class gets another name, and the serving head speaks it at once', async (t) => {
    const page = await Pictures.open(t, {
      training: { everyNewLabels: 0, instant: false },
      alerts: { rules: [{ name: 'weeds', labels: ['weed'], output: null }] },
    });
    await page.fill({ weed: 2, beet: 1, stone: 1 });
    const { agent, samples } = page;
    const head = {
      ...someHead(1),
      labels: ['beet', 'stone', 'weed'],
      weights: Float32Array.from({ length: 72 }, (_, i) => Math.sin(i)),
      bias: new Float32Array(3),
      backboneChecksum: agent.perception.backbone!.checksum,
    };
    const card = { ...someCard(head), labelRevision: samples.labelRevision() };
    const version = await agent.state.tasks[0].heads.publish(head, card, []);
    await page.post('promote', { version });
    const serving = () => agent.tasks[0].heads.serving!.head.labels;
    const renamed = await page.post('classes/rename', { from: 'weed', to: 'thistle' });
    assert.equal(renamed.json.changed, 2);
    assert.deepEqual(
      renamed.json.warnings.map(({ values }: Body) => values.rules),
      ['weeds'],
    );
    assert.deepEqual(serving(), ['beet', 'stone', 'thistle']);
    const merged = await page.post('classes/rename', { from: 'stone', to: 'beet', merge: true });
    assert.deepEqual(serving(), ['beet', 'thistle']);
    const clash = await page.post('classes/rename', { from: 'thistle', to: 'beet' });
    assert.equal(clash.json.error.code, 'HL_CLASS_EXISTS');
    const late = await page.post('classes/ignore', { label: 'nothing' });
    assert.equal(late.json.error.code, 'HL_CLASS_UNKNOWN');
    const back = await page.post('undo', { undo: merged.json.undo });
    assert.deepEqual(serving(), ['beet', 'stone', 'thistle']);
    await page.post('undo', { undo: renamed.json.undo });
    assert.deepEqual(serving(), ['beet', 'stone', 'weed']);
    const again = await page.post('undo', { undo: back.json.undo });
    assert.deepEqual(serving(), ['beet', 'weed']);
    await page.post('undo', { undo: again.json.undo });
    assert.deepEqual(serving(), ['beet', 'stone', 'weed']);
    const ignored = await page.post('classes/ignore', { label: 'weed' });
    assert.equal((await page.ids({ state: 'ignored' })).length, 2);
    await page.post('undo', { undo: ignored.json.undo });
    assert.equal((await page.ids({ label: 'weed' })).length, 2);
    const names = agent.state.audit.list({ kind: 'command' }).map(({ detail }) => detail.name);
    for (const name of ['rename_class', 'merge_class', 'ignore_class', 'undo']) {
      assert.ok(names.includes(name), name);
    }
  });

  test('thumbnails are small, upright and kept by the browser', async (t) => {
    const page = await Pictures.open(t);
    const tall = await sharp({
      create: { width: 900, height: 300, channels: 3, background: '#336622' },
    })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    await page.drop({ name: 'tall.jpg', label: 'weed' }, tall);
    const [id] = await page.ids({ label: 'weed' });
    const url = `${page.running.url}/api/samples/${id}/thumbnail`;
    const answers = await Promise.all([ask(url), ask(url), ask(url)]);
    for (const { status, headers, bytes } of answers) {
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'image/webp');
      assert.match(headers['cache-control'] ?? '', /immutable/);
      const { width, height } = await sharp(bytes).metadata();
      assert.deepEqual([width, height], [85, 256]);
    }
    const missing = await ask(`${page.running.url}/api/samples/nobody/thumbnail`);
    assert.equal(missing.status, 404);
  });

  test('an archive is imported as a folder is, and an export brings everything back', async (t) => {
    const page = await Pictures.open(t);
    const files = {
      'field/weed/a.jpg': await picture('weed', 100),
      'field/weed/b.jpg': await picture('weed', 101),
      'field/beet/c.jpg': await picture('beet', 102),
      'field/beet/broken.jpg': Buffer.from('no picture'),
      '__MACOSX/field/weed/._a.jpg': Buffer.from('junk'),
    };
    const zip = Buffer.from(zipSync(files));
    const first = await page.drop({ name: 'field.zip' }, zip, 'application/zip');
    assert.deepEqual(
      [first.json.stored, first.json.duplicates],
      [3, 0],
      JSON.stringify(first.json),
    );
    assert.deepEqual(
      first.json.refused.map(({ code }: Body) => code),
      ['HL_PICTURE_INVALID'],
    );
    const second = await page.drop({ name: 'field.zip' }, zip, 'application/zip');
    assert.deepEqual([second.json.stored, second.json.duplicates], [0, 3]);
    const exported = await ask(`${page.running.url}/api/pictures/export?label=weed`);
    assert.match(exported.headers['content-disposition'] ?? '', /\.zip"$/);
    const unpacked = unzipSync(exported.bytes);
    const names = Object.keys(unpacked).sort();
    assert.deepEqual(
      names.map((name) => name.replace(/\/[0-9a-f-]{36}/, '/ID')),
      ['samples.jsonl', 'weed/ID.jpg', 'weed/ID.jpg'],
    );
    const ids = await page.ids({ label: 'weed' });
    await page.post('pictures/set', { ids, to: { state: 'trash' } });
    const kept = await page.drop({ name: 'back.zip' }, exported.bytes, 'application/zip');
    assert.deepEqual(
      kept.json.refused.map(({ code }: Body) => code),
      ['HL_IMPORT_IN_TRASH', 'HL_IMPORT_IN_TRASH'],
    );
    page.samples.emptyTrash();
    const back = await page.drop({ name: 'back.zip' }, exported.bytes, 'application/zip');
    assert.equal(back.json.stored, 2);
    assert.equal((await page.ids({ label: 'weed' })).length, 2);
    const left = readdirSync(page.agent.config.paths.stateDir);
    assert.deepEqual(
      left.filter((name) => name.startsWith('.importing')),
      [],
    );
  });

  test('the images of one batch of the page have its class, or wait without one', async (t) => {
    const page = await Pictures.open(t);
    const drop = (files: Record<string, Buffer>, label?: string) =>
      page.drop(
        { name: 'field/Dill/1.jpg', ...(label === undefined ? {} : { label }) },
        Buffer.from(zipSync(files, { level: 0 })),
        'application/zip',
      );
    const [a, b] = [await picture('weed', 210), await picture('weed', 211)];
    const labelled = await drop({ '1.jpg': a, '2.jpg': b }, 'Dill');
    assert.equal(labelled.json.stored, 2, JSON.stringify(labelled.json));
    assert.equal((await page.ids({ label: 'Dill' })).length, 2);
    const [c, d] = [await picture('weed', 212), await picture('weed', 213)];
    const waiting = await drop({ '.waiting/1.jpg': c, '.waiting/2.jpg': d });
    assert.equal(waiting.json.stored, 2, JSON.stringify(waiting.json));
    assert.equal((await page.ids({ state: 'waiting' })).length, 2);
  });

  test('a picture without a class waits; a folder name is its class', async (t) => {
    const page = await Pictures.open(t);
    const waits = await page.drop({ name: 'photo.jpg' }, await picture('weed', 200));
    assert.equal(waits.json.stored, 1, JSON.stringify(waits.json));
    await page.drop({ name: 'field/Löwenzahn/1.jpg' }, await picture('weed', 201));
    assert.equal((await page.ids({ label: 'Löwenzahn' })).length, 1);
    assert.equal((await page.ids({ state: 'waiting' })).length, 1);
    const evil = await page.drop({ name: '../../../etc/cron.d/x.jpg' }, await picture('weed', 202));
    assert.deepEqual([evil.status, evil.json.stored], [200, 1]);
    assert.equal((await page.ids({ label: 'cron.d' })).length, 1);
  });

  test('what is no archive, leads outside or is too large is refused, and leaves nothing', async (t) => {
    const page = await Pictures.open(t, { console: { port: 0, maxImportBytes: 1_000_000 } });
    const drop = (bytes: Buffer) => page.drop({ name: 'x.zip' }, bytes, 'application/zip');
    const outside = Buffer.from(zipSync({ '../../escaped.jpg': await picture('weed', 300) }));
    const bomb = Buffer.from(zipSync({ 'weed/a.jpg': Buffer.alloc(40_000_000) }, { level: 9 }));
    assert.ok(bomb.length < 1_000_000);
    for (const [bytes, code] of [
      [Buffer.from('PK no archive'), 'HL_ARCHIVE_INVALID'],
      [outside, 'HL_ARCHIVE_INVALID'],
      [bomb, 'HL_ARCHIVE_TOO_LARGE'],
      [Buffer.alloc(1_500_000), 'HL_CONSOLE_BODY_TOO_LARGE'],
    ] as const) {
      const { json } = await drop(bytes);
      assert.equal(json.error?.code, code, JSON.stringify(json));
    }
    const left = readdirSync(page.agent.config.paths.stateDir);
    assert.deepEqual(
      left.filter((name) => name.startsWith('.importing')),
      [],
    );
    assert.equal(page.samples.counts().labelled, 0);
  });
});
