/** The decision's word for "none of the classes": nobody can teach it as a class. */
export const UNKNOWN_LABEL = 'unknown';
