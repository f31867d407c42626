/** Trust kept in a browser, where there is none; in one, the contract holds: test/e2e/clientInBrowser.test.ts. */
import { expect, test } from 'vitest';
import { openTrustDatabase } from '../src/browser.ts';

test('what is no browser is told so', async () => {
  await expect(openTrustDatabase('x')).rejects.toMatchObject({
    name: 'OperatingFault',
    code: 'client.store',
    message: expect.stringContaining('for browsers'),
  });
});
