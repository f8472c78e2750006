import type { Message } from '../../base/words/message.js';
import type { TrustLevel } from '../../head/trust.js';
import type { HeadCard } from '../../registry/head-card.js';
import type { InstantHead } from '../../training/instant/instant-protocol.js';
import type { TaskState } from '../open-state.js';
import type { HeadService } from './head-service.js';
import type { InstantService } from './instant-service.js';

/** The backbone and head that make the decisions of a task. */
export interface ModelStatus {
  task: string;
  /** The configured backbone. */
  backbone: string;
  /** Card of the trained head that serves; null: none does. */
  card: HeadCard | null;
  /** The head of the instant learner, on top of the trained head or without one; null: none. */
  learnt: InstantHead | null;
  /** Whether the serving head is pinned: trainings and trials do not replace it. */
  pinned: boolean;
  /** Null: no head serves, or its trust is not known. */
  trust: TrustLevel | null;
  /** The next step that would raise the trust, in one sentence. */
  next: string | null;
  /** The same for pages that translate it. */
  nextSteps: Message[];
}

/** The parts of a task that this status reads. */
export interface ModelParts {
  name: string;
  state: Pick<TaskState, 'settings'>;
  heads: Pick<HeadService, 'serving' | 'pinned'>;
  instant: Pick<InstantService, 'learnt'>;
}

export function modelStatus({ name, state, heads, instant }: ModelParts): ModelStatus {
  const card = heads.serving?.card ?? null;
  const { learnt } = instant;
  const trust = learnt?.trust ?? card?.trust ?? null;
  return {
    task: name,
    backbone: state.settings.models.backbone,
    card,
    learnt,
    pinned: card !== null && heads.pinned === card.version,
    trust: trust?.level ?? null,
    next: trust?.next ?? null,
    nextSteps: trust?.steps ?? [],
  };
}
