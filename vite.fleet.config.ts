import { pageConfig } from './vite.page.js';

/** The hub's page: src/fleet/hub/page becomes dist/fleet-page, which src/fleet/hub/server serves. */
export default pageConfig('src/fleet/hub/page', '../../../../dist/fleet-page');
