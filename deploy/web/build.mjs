// Builds shared/web/static from the packages that package-lock.json pins: the same bytes each time.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileString } from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "..", "shared", "web", "static");
const packages = join(here, "node_modules");
const read = (path) => readFileSync(join(packages, path), "utf8");
const withoutMap = (text) => text.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "").trim();

// The package names its licence and does not carry its text.
const MIT = `
Copyright (C) 2017 Crown Copyright (Government Digital Service)

Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in
the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies
of the Software, and to permit persons to whom the Software is furnished to do
so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

// Handrail is not on GOV.UK, so it may have neither its typeface nor its crown. A family that does
// not begin with GDS Transport leaves the typeface out of the style by itself.
const css = compileString(readFileSync(join(here, "app.scss"), "utf8"), {
  style: "compressed",
  loadPaths: [here, join(packages, "govuk-frontend/dist/govuk")],
  quietDeps: true,
}).css;

// One file: an extension that is loaded after htmx has begun is sometimes never registered.
const parts = ["htmx.min.js", "ext/hx-csp.min.js", "ext/hx-sse.min.js", "ext/hx-upsert.min.js"];
const htmx = parts.map((part) => withoutMap(read(`htmx.org/dist/${part}`)) + ";\n").join("");

const files = {
  "app.css": css,
  "htmx.js": htmx,
  "govuk.js": withoutMap(read("govuk-frontend/dist/govuk/govuk-frontend.min.js")) + "\n",
  "start.js": readFileSync(join(here, "start.js"), "utf8"),
  "icon.svg": readFileSync(join(here, "icon.svg"), "utf8"),
  NOTICE: notice(),
};

for (const [name, text] of Object.entries(files)) {
  if (name !== "NOTICE" && /GDS Transport|@font-face|govuk-crest|crown|\.woff/i.test(text)) {
    throw new Error(`${name} holds what only GOV.UK may use`);
  }
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
for (const [name, text] of Object.entries(files)) writeFileSync(join(out, name), text);

function notice() {
  const govuk = JSON.parse(read("govuk-frontend/package.json"));
  const htmxPackage = JSON.parse(read("htmx.org/package.json"));
  return [
    "The files beside this one are built from these packages; deploy/web says how.",
    "",
    `govuk-frontend ${govuk.version} (app.css, govuk.js), ${govuk.license}:`,
    "",
    "    " + MIT.trim().replaceAll("\n", "\n    "),
    "",
    `htmx.org ${htmxPackage.version} (htmx.js), 0BSD:`,
    "",
    "    " + read("htmx.org/LICENSE").trim().replaceAll("\n", "\n    "),
    "",
  ].join("\n");
}
