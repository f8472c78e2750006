import type { PICTURES } from '../../console/contract/pictures-contract.js';
import type { HandlersOf } from '../../console/handlers.js';
import { notFound } from '../../console/server/routes.js';
import { mediaTypeOf } from '../../vision/sniff.js';
import type { RobotTask } from '../robot-task.js';

/** The stored samples of one task. */
export function picturesHandlers({ state }: RobotTask): Partial<HandlersOf<keyof typeof PICTURES>> {
  const { samples } = state;
  return {
    'GET /api/samples/{id}/picture': ({ params }) => {
      const bytes = samples.picture(params.id);
      if (bytes === null) throw notFound(`there is no picture of sample ${params.id}`);
      return { mediaType: mediaTypeOf(bytes), bytes };
    },
  };
}
