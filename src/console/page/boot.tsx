import { render } from 'preact';
import { buildPage } from './control/page-parts.js';
import { PageView } from './views/page-view.js';

const place = document.getElementById('page');
if (place !== null) {
  const page = buildPage(localStorage);
  await page.words.restore(navigator.languages);
  render(<PageView page={page} />, place);
  void page.session.start();
}
