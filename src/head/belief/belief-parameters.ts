import { z } from 'zod';

/** When a frame shows another scene than the frames before. */
const sceneChangeSchema = z.object({
  /** Log-odds of a change where the distance is 1; nats. */
  offset: z.number().min(-20).max(20),
  /** Increase of the log-odds for each e-fold of the distance; nats. */
  perLogDistance: z.number().min(0).max(20),
});

/** Log-odds of a change by the distance of a frame from its scene, see `SceneCentre.distanceOf`. */
export type SceneChange = z.infer<typeof sceneChangeSchema>;

/** {@link BeliefParameters} as they are stored. */
export const beliefParametersSchema = z.object({
  /**
   * Correlation of errors between frames of one scene, 0..1: k different frames count as k / (1 +
   * (k - 1) correlation) independent ones.
   */
  correlation: z.number().min(0).max(1),
  /** Heads of earlier versions have none: theirs was for another distance. */
  sceneChange: sceneChangeSchema.default({ offset: 1.5, perLogDistance: 3 }),
});

/** The parameters of a decision over time that are learnt from scenes. */
export type BeliefParameters = z.infer<typeof beliefParametersSchema>;

/** Chosen on the training parts of bench `belief`. */
export const DEFAULT_BELIEF: BeliefParameters = beliefParametersSchema.parse({ correlation: 0.3 });
