// The helpers that every end-to-end test leans on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventsOf, parseBig, run, tempDir, sql } from '../e2e/helpers.mjs';
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';

test('parseBig keeps every digit and touches no string', () => {
    const got = parseBig('{"a":9007199254740993,"b":-9223372036854775808,"c":12,"d":1.5e20,"g":0.12345678901234567,"e":"9007199254740993","f":["\\"1234567890123456789"]}');
    assert.equal(got.a, 9007199254740993n);
    assert.equal(got.b, -9223372036854775808n);
    assert.equal(got.c, 12);
    assert.equal(got.d, 1.5e20);
    assert.equal(got.g, 0.12345678901234567);
    assert.equal(got.e, '9007199254740993');
    assert.deepEqual(got.f, ['"1234567890123456789']);
    assert.equal(parseBig('1234567890123456'), 1234567890123456);
});

test('eventsOf joins data lines and knows both line ends', () => {
    assert.deepEqual(eventsOf('data: a\n\n: ping\n\nevent: x\r\ndata: b\r\ndata:c\r\n\r\ndata: [DONE]\n\n'), ['a', 'b\nc', '[DONE]']);
});

test('sql reads the one SQLite file of a folder, whatever its name', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, 'journal'));
    const made = await run('sqlite3', [join(dir, 'some.name'), 'CREATE TABLE t(a); INSERT INTO t VALUES(9223372036854775807),(1)']);
    assert.equal(made.code, 0, made.stderr);
    assert.deepEqual(await sql(dir, 'SELECT a FROM t ORDER BY a'), [{ a: 1 }, { a: 9223372036854775807n }]);
    await assert.rejects(sql(dir, 'SELECT b FROM t'), /no such column/);
});
