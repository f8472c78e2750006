import type { Language } from '../../../page/words/language.js';
import { Translator } from '../../../page/words/translator.js';
import type { Message } from '../../contract/route-contract.js';
import type { PageStore } from '../control/page-store.js';
import { type Catalogue, ENGLISH, type WordKey } from './catalogue/catalogue.js';

/** The texts of the console. */
export class Words extends Translator<WordKey> {
  constructor(store: PageStore, storage: Storage) {
    super(store, storage, catalogueOf);
  }

  /** A message of the robot: by its key where the page knows it, else as the robot says it in English. */
  message({ key, values, text }: Message): string {
    return key in ENGLISH ? this.say(key as WordKey, values) : text;
  }
}

async function catalogueOf(language: Language): Promise<Catalogue> {
  switch (language) {
    case 'de':
      return (await import('./catalogue/de/de.js')).default;
    case 'zh':
      return (await import('./catalogue/zh/zh.js')).default;
    case 'en':
      return ENGLISH;
  }
}
