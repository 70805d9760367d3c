// A headless Chromium, driven over the pipe of its DevTools protocol: JSON messages that end with a
// zero byte.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longer than any answer takes on a busy machine. */
const DEADLINE = 60_000;

/** Starts the browser. Ends with `close`. */
export const chromium = (environment) => {
  const profile = mkdtempSync(join(tmpdir(), 'nabiz-chromium-'));
  const browser = spawn(process.env.NABIZ_CHROMIUM ?? 'chromium', [
    '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--lang=en-GB', '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank',
  ], { env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [, , , requests, answers] = browser.stdio;
  const pending = new Map();
  const listeners = new Set();
  let last = 0;
  const fail = (why) => {
    for (const { reject } of pending.values()) {
      reject(why);
    }
    pending.clear();
  };
  const ended = new Promise((resolve) => {
    browser.on('error', (error) => { fail(error); resolve(); });
    browser.on('exit', (code, signal) => { fail(new Error(`chromium has ended: ${signal ?? code}`)); resolve(); });
  });
  // Writing to a browser that has ended fails; its exit is reported instead.
  requests.on('error', () => {});

  let parts = [];
  answers.on('data', (data) => {
    let begin = 0;
    for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0, begin)) {
      const message = JSON.parse(Buffer.concat([...parts, data.subarray(begin, end)]).toString('utf8'));
      parts = [];
      begin = end + 1;
      if (message.id === undefined) {
        listeners.forEach((listener) => listener(message));
      } else {
        const call = pending.get(message.id);
        pending.delete(message.id);
        message.error ? call?.reject(new Error(message.error.message)) : call?.resolve(message.result);
      }
    }
    parts.push(data.subarray(begin));
  });

  const call = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
    last += 1;
    const id = last;
    const late = setTimeout(() => { pending.delete(id); reject(new Error(`${method}: no answer of chromium`)); }, DEADLINE);
    const settled = (then) => (value) => { clearTimeout(late); then(value); };
    pending.set(id, { resolve: settled(resolve), reject: settled(reject) });
    requests.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });

  /** Opens a page. Returns a way to query it, and its exceptions and console errors so far. */
  const open = async (url, width, height) => {
    const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
    const faults = [];
    const listener = ({ method, params, sessionId: from }) => {
      if (from !== sessionId) {
        return;
      }
      if (method === 'Runtime.exceptionThrown') {
        const { text, exception } = params.exceptionDetails;
        faults.push(`${text} ${exception?.description ?? ''}`);
      } else if (method === 'Runtime.consoleAPICalled' && ['error', 'assert'].includes(params.type)) {
        faults.push(params.args.map(({ value, description }) => value ?? description).join(' '));
      } else if (method === 'Log.entryAdded' && params.entry.level === 'error') {
        faults.push(`${params.entry.text} ${params.entry.url ?? ''}`);
      } else if (method === 'Inspector.targetCrashed') {
        faults.push('the page has crashed');
      }
    };
    listeners.add(listener);
    const ask = (method, params) => call(method, params, sessionId);
    for (const domain of ['Runtime', 'Log', 'Page', 'Inspector']) {
      await ask(`${domain}.enable`);
    }
    await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    const { errorText } = await ask('Page.navigate', { url });
    if (errorText) {
      throw new Error(`${url}: ${errorText}`);
    }
    return {
      faults,
      evaluate: async (expression) => {
        const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
        if (exceptionDetails) {
          throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        }
        return result.value;
      },
      picture: async () => Buffer.from((await ask('Page.captureScreenshot', { format: 'png' })).data, 'base64'),
      close: async () => {
        await call('Target.closeTarget', { targetId });
        listeners.delete(listener);
      },
    };
  };

  const close = async () => {
    await call('Browser.close').catch(() => {});
    const late = setTimeout(() => browser.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  };

  return { open, close };
};
