import { pageConfig } from './vite.page.js';

/** The console's page: src/console/page becomes dist/page, which src/console/server serves. */
export default pageConfig('src/console/page', '../../../dist/page');
