// Prints what AsyncAPI's own parser finds wrong with a document, as JSON; `severity` 0 is an error, 1 a warning.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

new Parser().parse(readFileSync(process.argv[2], "utf8")).then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ severity, path, message }) => ({ severity, path: path.join("/"), message }));
  process.stdout.write(JSON.stringify({ parsed: document !== undefined, found }));
});
