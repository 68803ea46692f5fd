// Sees a night through in Firefox: with a host whose line breaks, and somebody who votes meanwhile. Its standard input is where and as whom.

const assert = require('node:assert/strict');
const net = require('node:net');
const { text } = require('node:stream/consumers');
const puppeteer = require('puppeteer-core');

const PATIENCE = 60_000; // milliseconds
const SHORT_DELAYS = () => { Math.random = () => 0.05; };

/** Listens for the gateway on another port, and can be cut and mended. */
async function lineTo(port) {
  const open = new Set();
  let whole = true;
  const server = net.createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = net.connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      open.add(from);
      from.pipe(to).on('close', () => from.destroy());
      from.on('error', () => to.destroy());
    }
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    cut() { whole = false; for (const socket of open) socket.destroy(); },
    mend() { whole = true; },
    end() { server.close(); this.cut(); },
  };
}

/** A tab of somebody who is signed in: what they do and see, by the names that they see it under. */
class Visitor {
  constructor(page) {
    this.page = page;
  }

  static async signsIn(browser, url, token, errors) {
    const page = await (await browser.createBrowserContext()).newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (problem) => errors.push(String(problem)));
    page.on('console', (said) => { if (said.type() === 'error') errors.push(said.text()); });
    await page.evaluateOnNewDocument(SHORT_DELAYS);
    await page.goto(url);
    const visitor = new Visitor(page);
    await visitor.fills('Token', token);
    await visitor.presses('Come in');
    await visitor.connectionIs('live');
    return visitor;
  }

  async fills(label, value) {
    await this.page.bringToFront(); // nothing is drawn behind
    const field = await this.page.waitForSelector(`::-p-xpath(//*[@id = //label[starts-with(., "${label}")]/@for])`, { visible: true });
    await field.click({ count: 3 }); // selects what is there
    await field.type(value);
  }

  async presses(name) {
    await this.page.bringToFront();
    await (await this.page.waitForSelector(`::-p-xpath(//button[. = "${name}" or @aria-label = "${name}"])`, { visible: true })).click();
  }

  reads(selector, ...texts) {
    const reads = (wanted, ...all) => [...document.querySelectorAll(wanted)].map((one) => one.textContent).join('\n') === all.join('\n');
    return this.page.waitForFunction(reads, { polling: 'mutation' }, selector, ...texts);
  }

  connectionIs(...states) {
    return this.page.waitForSelector(states.map((state) => `#connection[data-state="${state}"]`).join());
  }
}

async function evening(browser, { url, port, admin, bot }, errors) {
  const line = await lineTo(port);
  const host = await Visitor.signsIn(browser, line.url, admin, errors);
  await host.fills('What is it?', 'Friday Game Night');
  await host.presses('Start the night');
  await host.reads('#night-title', 'Friday Game Night');
  await host.fills('Title', 'Quiplash');
  await host.presses('Put it on');

  const guest = await Visitor.signsIn(browser, url, bot, errors);
  await guest.fills('Voting as', 'ana');
  await guest.presses('Vote Quiplash up, 0 so far');
  await host.reads('.score-value', '+1');

  line.cut();
  await host.connectionIs('connecting', 'offline');
  await guest.fills('Voting as', 'ben');
  await guest.presses('Vote Quiplash up, 1 so far');
  await guest.reads('.score-value', '+2');
  line.mend();
  await host.connectionIs('live');
  await host.reads('.score-value', '+2');
  const told = ['ben voted Quiplash up now +2', 'ana voted Quiplash up now +1', 'Quiplash is on', 'The night has started Friday Game Night'];
  await host.reads('#feed .event p', ...told);

  await guest.presses('Vote Quiplash up, 2 so far');
  await host.reads('.score-value', '+1');
  await host.fills('Title', 'Fibage');
  await host.presses('Put it on');
  await host.presses('Remove Fibage');
  await host.presses('Remove it');
  for (const visitor of [host, guest]) await visitor.reads('#games h3', 'Quiplash');

  await host.presses('End the night');
  await host.presses('End it');
  for (const visitor of [host, guest]) {
    await visitor.reads('#bill-title', 'The results');
    await visitor.reads('.badge', 'Winner');
  }
  line.end();
}

async function main() {
  const { firefox, ...night } = JSON.parse(await text(process.stdin));
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: firefox, headless: true, timeout: 3 * PATIENCE, protocolTimeout: 3 * PATIENCE });
  const errors = [];
  try {
    await evening(browser, night, errors);
  } finally {
    await browser.close();
  }
  assert.deepEqual(errors, []);
}

main();
