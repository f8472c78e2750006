/** Texts of one place; keys begin with its name. */
export const picturesEn = {} as const;
