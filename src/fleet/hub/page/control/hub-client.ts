import { answerOf } from '../../../../page/request/page-request.js';
import { Refusal } from '../../../../page/request/refusal.js';
import type {
  AuditList,
  HubCommandPath,
  HubCommands,
  HubMe,
  HubOverview,
  NewPerson,
  PersonList,
  RecomputeAnswer,
  RobotDetail,
  RobotList,
  TaskDetail,
  TaskKey,
} from '../../../contract/hub-api.js';

/** Answers of commands that say more than `{}`. */
interface CommandAnswers {
  '/api/recompute': RecomputeAnswer;
  '/api/people': NewPerson;
}
export type CommandAnswer<Path extends HubCommandPath> = Path extends keyof CommandAnswers
  ? CommandAnswers[Path]
  : unknown;

/** Typed client of the hub's API. Every method throws Refusals. */
export class HubClient {
  #token: string | null = null;

  /**
   * @param refused called when the hub does not know the token (any more)
   * @param say texts for what the hub cannot say itself
   */
  constructor(
    private readonly refused: (refusal: Refusal) => void,
    private readonly say: (key: 'shell.unreadable' | 'shell.offline') => string,
  ) {}

  use(token: string | null): void {
    this.#token = token;
  }

  me(): Promise<HubMe> {
    return this.#read('/api/me');
  }

  overview(): Promise<HubOverview> {
    return this.#read('/api/overview');
  }

  robots(): Promise<RobotList> {
    return this.#read('/api/robots');
  }

  robot(name: string): Promise<RobotDetail> {
    return this.#read(`/api/robots/${encodeURIComponent(name)}`);
  }

  task({ task, backbone }: TaskKey): Promise<TaskDetail> {
    return this.#read(`/api/tasks/${encodeURIComponent(task)}/${encodeURIComponent(backbone)}`);
  }

  people(): Promise<PersonList> {
    return this.#read('/api/people');
  }

  /** The newest first. @param before id of an entry; null: from the newest */
  audit(before: number | null, limit: number, robot: string | null): Promise<AuditList> {
    const query = new URLSearchParams({ limit: String(limit) });
    if (before !== null) query.set('before', String(before));
    if (robot !== null) query.set('robot', robot);
    return this.#read(`/api/audit?${query}`);
  }

  command<Path extends HubCommandPath>(
    path: Path,
    body: HubCommands[Path],
  ): Promise<CommandAnswer<Path>> {
    const headers = { 'content-type': 'application/json' };
    return this.#call(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  #read<Answer>(path: string): Promise<Answer> {
    return this.#call(path, {});
  }

  async #call<Answer>(
    path: string,
    options: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<Answer> {
    const headers = { ...options.headers, authorization: `Bearer ${this.#token ?? ''}` };
    try {
      return await answerOf(path, { ...options, headers }, (answer) => answer.json(), this.say);
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.refused(error);
      throw error;
    }
  }
}
