import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Finding } from '../../../src/agent/doctor/doctor-check.js';
import { type DoctorReport, doctorReportSchema } from '../../../src/agent/doctor/doctor-report.js';
import { CLI } from '../../agent/daemon.js';
import { type Field, NOBODY, type Robot, runProgram, type Settings } from './field.js';
import { checkSaid, type Said, type Situation } from './scenario.js';

/** What `headland doctor` finds wrong, what its remedy says, and after which it finds nothing wrong. */
export interface DoctorScenario extends Situation {
  check: string;
  state: 'warning' | 'failed';
  subject?: string;
  settings?: Settings;
  /** How things are before. */
  given?(patient: Patient): unknown;
  /** Does what the remedy says. */
  follow(patient: Patient, said: Said): unknown;
  /** Looks in this process, at kernel files of the test. */
  look?(patient: Patient): Promise<Pick<Finding, 'state' | 'code' | 'reason' | 'remedy'>[]>;
  asNobody?: boolean;
  /** Why it cannot be tried on this machine; false where it can. */
  skip?: string | false;
}

/** A robot, and the environment in which it is looked at. */
export class Patient {
  env: NodeJS.ProcessEnv = {};
  args: string[] = [];
  /** The program; another copy of it for what is wrong with the installation. */
  program = CLI;
  /** For what the test itself plays: a camera, a kernel. */
  isMended = false;
  /** Ends what `given` began: what a person does elsewhere, on the broker or the camera. */
  mend: () => unknown = () => undefined;

  constructor(
    readonly t: TestContext,
    readonly robot: Robot,
    private readonly user: { uid?: number; gid?: number } = {},
  ) {}

  /** A script in place of a program of systemd, which does not run here. */
  tool(name: string, script: string): void {
    const folder = this.robot.path('bin');
    mkdirSync(folder, { recursive: true });
    this.robot.write(`bin/${name}`, `#!/bin/sh\n${script}\n`, 0o755);
    this.env.PATH = `${folder}:${process.env.PATH}`;
  }

  /** A systemd that knows the service with these properties. */
  systemd(properties: Record<string, string | number> = {}): void {
    const unit = { ...HEALTHY_UNIT, ...properties };
    const lines = Object.entries(unit).map(([name, value]) => `${name}=${value}`);
    this.robot.write('unit.properties', `${lines.join('\n')}\n`);
    this.tool(
      'systemctl',
      `case "$*" in *Runtime*) echo 0;; show*) cat ${this.robot.path('unit.properties')};; *) exit 1;; esac`,
    );
    this.tool(
      'systemd-analyze',
      'echo "→ Overall exposure level for headland.service: 1.4 OK :-)"',
    );
  }

  async examine(check: string): Promise<{ status: number | null; report: DoctorReport }> {
    const { status, stdout, stderr } = await this.run('--only', check, '--json');
    assert.ok(stdout.startsWith('{'), `${status} ${stdout} ${stderr}`);
    return { status, report: doctorReportSchema.parse(JSON.parse(stdout)) };
  }

  run(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const config = this.args.includes('--config') ? [] : ['--config', this.robot.configFile];
    return runProgram([this.program, 'doctor', ...config, ...this.args, ...args], {
      cwd: this.robot.dir,
      env: { ...process.env, ...this.env },
      ...this.user,
    });
  }
}

const HEALTHY_UNIT = {
  LoadState: 'loaded',
  UnitFileState: 'enabled',
  ActiveState: 'active',
  Result: 'success',
  NRestarts: 0,
  FragmentPath: '',
  DropInPaths: '',
  WatchdogUSec: '30s',
  MemoryMax: 943_718_400,
  MemoryCurrent: '[not set]',
  DynamicUser: 'yes',
  User: 'headland',
};

const EXIT = { warning: 1, failed: 2 };

export async function tryDoctor(
  t: TestContext,
  field: Field,
  scenario: DoctorScenario,
): Promise<void> {
  const { check, code, state } = scenario;
  const robot = field.robot(scenario.settings ?? {});
  const patient = new Patient(t, robot, scenario.asNobody ? NOBODY : {});
  if (scenario.asNobody) chmodSync(robot.dir, 0o777);
  await scenario.given?.(patient);
  const look = scenario.look;
  const found = async () => {
    if (look) return look(patient);
    const { status, report } = await patient.examine(check);
    const [first] = report.checks;
    assert.equal(report.checks.length, 1);
    assert.equal(first?.name, check);
    assert.equal(status, { ok: 0, skipped: 0, ...EXIT }[report.state]);
    return first?.findings ?? [];
  };
  const before = await found();
  const { subject } = scenario;
  const finding = before.find(
    (each) =>
      each.code === code &&
      (subject === undefined || ('subject' in each && each.subject === subject)),
  );
  assert.ok(finding, `${code} is not in: ${JSON.stringify(before)}`);
  assert.equal(finding.state, state, finding.reason);
  const said = { code, message: finding.reason, remedy: finding.remedy };
  assert.ok(said.remedy, code);
  checkSaid(scenario, said);
  await scenario.follow(patient, said);
  for (const each of await found()) {
    assert.ok(each.state === 'ok' || each.state === 'skipped', JSON.stringify(each));
  }
}
