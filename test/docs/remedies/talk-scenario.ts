import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { TestContext } from 'node:test';
import { type Daemon, Person, type Rig } from '../../agent/daemon.js';
import { HANG_MS } from '../../liveness.js';
import { checkSaid, type Said, type Situation } from './scenario.js';

/** What a request of the console is answered with. */
export interface Reply {
  status: number;
  body: string;
}

export interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Something asked of a running daemon that is refused, and what its remedy says. */
export interface TalkScenario extends Situation {
  provoke(talk: Talk): Promise<Said>;
  /** Does what the remedy says; throws unless the trouble is over. */
  follow(talk: Talk, said: Said): Promise<unknown>;
}

/** One daemon, and a person with an MQTT tool and an HTTP client. */
export class Talk {
  private constructor(
    readonly rig: Rig,
    readonly daemon: Daemon,
    readonly person: Person,
  ) {}

  static async begin(t: TestContext, rig: Rig): Promise<Talk> {
    const daemon = await rig.start();
    return new Talk(rig, daemon, await Person.connect(t, daemon.mqttUrl));
  }

  /** Sends a command as it stands, and returns the error of its answer. */
  async refused(name: string, payload: string): Promise<Said> {
    const { body } = await this.answer(name, payload);
    assert.equal(body.ok, false, JSON.stringify(body));
    return body.error;
  }

  /** Sends a command that must succeed; returns the data of its answer. */
  async must(name: string, fields: Record<string, unknown> = {}) {
    const answer = await this.person.command(name, fields);
    assert.equal(answer.ok, true, JSON.stringify(answer));
    return answer.data;
  }

  async answer(name: string, payload: string, topic = `headland/r1/cmd/${name}/response`) {
    const seen = this.person.received.length;
    await this.person.publish(`headland/r1/cmd/${name}`, payload);
    return this.person.until(
      (message) => this.person.received.indexOf(message) >= seen && message.topic === topic,
    );
  }

  /** Asks the console. */
  ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const url = new URL(path, this.daemon.consoleUrl);
      const sent = request(url, { method, headers, timeout: HANG_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async askRefused(path: string, asked: Asked = {}): Promise<Said> {
    const { status, body } = await this.ask(path, asked);
    assert.ok(status >= 400, `${status} ${body}`);
    return JSON.parse(body).error;
  }

  async askMust(path: string, asked: Asked = {}): Promise<unknown> {
    const { status, body } = await this.ask(path, asked);
    assert.ok(status < 300, `${status} ${body}`);
    return JSON.parse(body);
  }
}

export async function tryTalk(talk: Talk, scenario: TalkScenario): Promise<void> {
  const said = await scenario.provoke(talk);
  checkSaid(scenario, said);
  await scenario.follow(talk, said);
}
