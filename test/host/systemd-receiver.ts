import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { Recorder } from '../recorder.js';
import { temporaryFolder } from '../temporary-folder.js';

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

/** For `test(…, { skip })`: false when the receiver can be run. */
export const withoutReceiver: string | false = spawnSync('python3', ['--version']).error
  ? 'python3 is not installed'
  : false;

export interface SystemdReceiver {
  /** For NOTIFY_SOCKET. */
  path: string;
  child: ChildProcess;
  messages: Recorder<{ text: string; pid: number }>;
}

/** Listens until the test ends. */
export async function systemdReceiver(t: TestContext, abstract = false): Promise<SystemdReceiver> {
  const path = abstract
    ? `@headland-test-${process.pid}-${Date.now()}`
    : join(temporaryFolder(t), 'notify');
  const child = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const messages: SystemdReceiver['messages'] = new Recorder();
  await new Promise<void>((listening) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'listening') listening();
      else messages.add(JSON.parse(line));
    });
  });
  return { path, child, messages };
}
