import { HeadlandError } from '../../base/errors.js';
import { fileProblem } from '../../base/files/file-problem.js';

/** The error for an image or a bundle that cannot be written where the user wants it. */
export function outputUnwritable(file: string, cause: unknown): HeadlandError {
  return new HeadlandError(
    'HL_DOCTOR_OUTPUT_UNWRITABLE',
    `cannot write ${file}: ${fileProblem(cause)}`,
    { remedy: 'Name a folder that this user may write, on a disk with free space.', cause },
  );
}
