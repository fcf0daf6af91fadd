// tools/check-layers finds what it is there for: each case is a small tree with one thing wrong.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'purser-layers-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

let trees = 0;
function check(files) {
    const tree = join(scratch, `tree${++trees}`);
    mkdirSync(join(tree, 'src'), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), text);
    }
    const run = spawnSync(join(root, 'tools/check-layers'), [tree], { encoding: 'utf8' });
    return { code: run.status, out: run.stdout + run.stderr };
}

test('this tree is in order', () => {
    const run = spawnSync(join(root, 'tools/check-layers'), [], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /^layers: [1-9]\d* includes in order$/m);
});

test('an include from below passes, with blanks too', () => {
    const got = check({ 'src/net/a.c': '#include "base/str.h"\n  #  include   "net/a.h"\n#include <stdio.h>\n' });
    assert.equal(got.code, 0, got.out);
    assert.match(got.out, /2 includes/);
});

test('an include from above is named with its line', () => {
    const got = check({ 'src/net/a.c': '#include "base/str.h"\n\n#include "flow/request.h"\n' });
    assert.equal(got.code, 1);
    assert.match(got.out, /^src\/net\/a\.c:3: net may not use flow/m);
});

test('a neighbour that is not in the row is refused', () => {
    const got = check({ 'src/price/a.h': '#include "net/loop.h"\n' });
    assert.equal(got.code, 1);
    assert.match(got.out, /src\/price\/a\.h:1: price may not use net/);
});

test('main.c may use nothing but cli', () => {
    const got = check({ 'src/main.c': '#include "cli/cli.h"\n#include "base/str.h"\n' });
    assert.equal(got.code, 1);
    assert.match(got.out, /src\/main\.c:2: main\.c may not use base/);
    assert.doesNotMatch(got.out, /main\.c:1/);
});

test('paths that hide the folder are refused', () => {
    for (const include of ['../flow/request.h', './a.h', 'a.h']) {
        const got = check({ 'src/net/a.c': `#include "${include}"\n` });
        assert.equal(got.code, 1, include);
        assert.match(got.out, /must be written/);
    }
});

test('a folder that the table does not know is refused', () => {
    assert.match(check({ 'src/misc/a.c': '#include "base/str.h"\n' }).out, /no src\/misc/);
    assert.match(check({ 'src/cli/a.c': '#include "misc/a.h"\n' }).out, /no src\/misc/);
});

test('a Makefile that says more, less or something else is found', () => {
    const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
    assert.equal(check({ Makefile: makefile }).code, 0);
    const more = check({ Makefile: makefile.replace('USES_price := base', 'USES_price := base net') });
    assert.match(more.out, /Makefile:\d+: USES_price has net/);
    const less = check({ Makefile: makefile.replace(/^USES_net := base$/m, 'USES_net :=') });
    assert.match(less.out, /USES_net lacks base/);
    const gone = check({ Makefile: makefile.replace(/^USES_ledger .*$/m, '') });
    assert.match(gone.out, /USES_ledger is missing/);
    for (const got of [more, less, gone]) assert.equal(got.code, 1);
});
