import type { z } from 'zod';
import type {
  CommandAnswer,
  CommandName,
  CommandPayload,
  CommandResponse,
} from './command-contract.js';
import type { MESSAGES, Message, MessageName } from './messages.js';

/**
 * `headland/contract`: the MQTT contract for programs that read what robots publish or send them
 * commands. Types, topics and schemas; it opens nothing and needs no package but `zod`.
 */

export { COMMAND_NAMES, COMMANDS, responseSchema } from './command-contract.js';
export { MESSAGES, topicPrefix } from './messages.js';
export type { Guarantee, QoS, Route, RouteName } from './topics.js';
export { CONTRACT, commandTopic, messageTopic, pictureTopic, responseTopic } from './topics.js';
export type { CommandAnswer, CommandName, CommandPayload, CommandResponse, Message, MessageName };

export type StatusMessage = Message<'status'>;
export type InfoMessage = Message<'info'>;
export type ModelMessage = Message<'model'>;
export type PredictionMessage = Message<'prediction'>;
export type EventMessage = Message<'event'>;
export type MetricsMessage = Message<'metrics'>;
export type CameraQualityMessage = Message<'camera_quality'>;
export type TrainingProgressMessage = Message<'training_progress'>;
export type TrainingReportMessage = Message<'training_report'>;

/** Any message of a robot, told apart by `schema`. */
export type AnyMessage = { [Name in MessageName]: z.infer<(typeof MESSAGES)[Name]> }[MessageName];
