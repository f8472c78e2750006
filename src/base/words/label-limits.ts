/** Longest label, code points. */
export const MAX_LABEL_CHARACTERS = 64;
/** Most samples that get a label together. */
export const MAX_LABELLED_TOGETHER = 64;
