import type { Language } from '../../../../page/words/language.js';
import { Translator } from '../../../../page/words/translator.js';
import type { FleetStore } from '../control/fleet-state.js';
import { FLEET_ENGLISH, type FleetCatalogue, type FleetWordKey } from './fleet-catalogue.js';

/** The texts of the hub's page. */
export class FleetWords extends Translator<FleetWordKey> {
  constructor(store: FleetStore, storage: Storage) {
    super(store, storage, catalogueOf);
  }
}

async function catalogueOf(language: Language): Promise<FleetCatalogue> {
  switch (language) {
    case 'de': {
      const [{ frameDe }, { fleetDe }] = await Promise.all([
        import('../../../../page/words/frame/frame.de.js'),
        import('./catalogue/fleet.de.js'),
      ]);
      return { ...frameDe, ...fleetDe };
    }
    case 'zh': {
      const [{ frameZh }, { fleetZh }] = await Promise.all([
        import('../../../../page/words/frame/frame.zh.js'),
        import('./catalogue/fleet.zh.js'),
      ]);
      return { ...frameZh, ...fleetZh };
    }
    case 'en':
      return FLEET_ENGLISH;
  }
}
