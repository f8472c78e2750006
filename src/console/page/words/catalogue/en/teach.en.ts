/** Texts of one place; keys begin with its name. */
export const teachEn = {} as const;
