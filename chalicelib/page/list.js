// Reads a list of games from a CSV file as spreadsheets write it: commas, semicolons or tabs, quotes, any line ends.
// `gamenight game import` reads the same format and reports the same problems.

const NAMES = {
  title: ['title', 'game', 'name', 'objectname'],
  pack_name: ['packname', 'pack'],
  min_players: ['minplayers', 'min', 'minimumplayers'],
  max_players: ['maxplayers', 'max', 'maximumplayers'],
};
const LONGEST = 200; // characters
const MOST_PLAYERS = 1000;
const PLAYERS = ['min_players', 'max_players'];

/** Return { games, problems, notes }: the list's games, a sentence for each wrong line, and a note on unknown
 * columns. */
export function listOf(text) {
  const whole = text.replace(/^\ufeff/, '');
  const [first] = whole.split(/[\r\n]/, 1);
  const separator = [',', ';', '\t'].reduce((a, b) => (first.split(b).length > first.split(a).length ? b : a));
  const { rows, problem } = rowsOf(whole, separator);
  if (problem) return { games: [], problems: [problem], notes: [] };
  const named = rows[0]?.cells ?? [];
  const plain = named.map((cell) => cell.toLowerCase().replace(/[^a-z]/g, ''));
  const columns = Object.entries(NAMES).map(([name, known]) => [name, plain.findIndex((one) => known.includes(one))]);
  if (columns[0][1] < 0) {
    const problems = ['Line 1: no column is called title. The first line names the columns: title, pack_name, min_players, max_players.'];
    return { games: [], problems, notes: [] };
  }
  const every = Object.values(NAMES).flat();
  const unknown = named.filter((name, at) => name && !every.includes(plain[at]));
  const [games, problems] = [[], []];
  for (const { line, cells } of rows.slice(1)) {
    if (cells.every((cell) => !cell)) continue;
    const game = Object.fromEntries(columns.map(([name, at]) => [name, cells[at] || null]));
    const wrong = cells.slice(plain.length).some(Boolean)
      ? 'it has more cells than the first line. Put quotes around a text with a separator in it.' : problemOf(game);
    for (const name of PLAYERS) if (game[name]) game[name] = Number(game[name]);
    if (wrong) problems.push(`Line ${line}: ${wrong}`);
    else games.push(game);
  }
  return { games, problems, notes: unknown.length ? [passedOver(unknown)] : [] };
}

const passedOver = (columns) => (columns.length > 1
  ? `The columns ${columns.join(', ')} are not known and are passed over.`
  : `The column ${columns[0]} is not known and is passed over.`);

function problemOf(game) {
  if (!game.title) return 'there is no title. Write one, or remove the line.';
  for (const name of ['title', 'pack_name']) {
    const { length } = [...game[name] ?? ''];
    if (length > LONGEST) return `${name} has ${length} characters. Shorten it to ${LONGEST}.`;
  }
  for (const name of PLAYERS) {
    const said = game[name];
    if (said && !(/^[0-9]+$/.test(said) && said >= 1 && said <= MOST_PLAYERS)) {
      return `${name} is “${said}”. Write a whole number from 1 to ${MOST_PLAYERS}, or nothing.`;
    }
  }
  const [least, most] = PLAYERS.map((name) => Number(game[name]));
  return least && most && least > most ? 'min_players is more than max_players. Swap them.' : null;
}

/** Split a text into { rows }, each with its cells and the number of its first line, or return a { problem }. */
function rowsOf(text, separator) {
  const cell = new RegExp(
    `(?:"([^"]*(?:""[^"]*)*)"|([^"${separator}\r\n][^${separator}\r\n]*)?)(${separator}|\r\n?|\n|$)`, 'y',
  );
  const rows = [];
  let [line, start, cells] = [1, 1, []];
  while (cell.lastIndex < text.length || cells.length > 0) {
    const found = cell.exec(text);
    if (!found) return { problem: `Line ${start}: a quote mark is not closed, or a text goes on after it. Within quotes, write "" for one.` };
    const [all, quoted, bare = '', end] = found;
    cells.push((quoted?.replaceAll('""', '"') ?? bare).trim());
    line += all.split(/\r\n?|\n/).length - 1;
    if (end === separator) continue;
    rows.push({ line: start, cells });
    [start, cells] = [line, []];
  }
  return { rows };
}
