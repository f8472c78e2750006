import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

/** The other end as systemd has it: a datagram socket that is told the sender by the kernel. */
const RECEIVER = `
import json, os, socket, struct, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("\\0" + path[1:] if path.startswith("@") else path)
print("listening", flush=True)
while True:
    data, ancillary, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
    pid = next(struct.unpack("3i", d)[0] for _, t, d in ancillary if t == socket.SCM_CREDENTIALS)
    print(json.dumps({"text": data.decode(), "pid": pid}), flush=True)
`;

/** For `test(…, { skip })`: false when messages to systemd can be received. */
export const withoutReceiver: string | false = spawnSync('python3', ['--version']).error
  ? 'python3 is not installed'
  : false;

export interface NotifyReceiver {
  /** For NOTIFY_SOCKET. */
  path: string;
  child: ChildProcess;
  /** The next message, and the process that sent it. */
  next(): Promise<{ text: string; pid: number }>;
}

/** Listens where systemd would. @param abstract not in the file system */
export async function receiver(t: TestContext, abstract: boolean): Promise<NotifyReceiver> {
  const folder = mkdtempSync(join(tmpdir(), 'headland-notify-'));
  const path = abstract ? `@headland-test-${process.pid}-${Date.now()}` : join(folder, 'notify');
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'listening');
  return { path, child, next: async () => JSON.parse((await lines.next()).value) };
}
