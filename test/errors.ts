import { isHeadlandError } from '../src/base/errors.js';

/**
 * For assert.throws and assert.rejects: an error with this code that says what to do.
 * @param says what its message has to match
 * @param remedy what its remedy has to match
 */
export function hasCode(code: string, says = /(?:)/, remedy = /./): (error: unknown) => boolean {
  return (error) => {
    if (
      isHeadlandError(error) &&
      error.code === code &&
      says.test(error.message) &&
      remedy.test(error.remedy)
    ) {
      return true;
    }
    throw error;
  };
}
