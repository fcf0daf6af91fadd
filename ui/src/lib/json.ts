// JSON whose whole numbers keep every digit: above 2^53 they come as bigint. Sums of pico-dollars get there at $9,007.

const MARK = '\u0000big';
const LONG = /("(?:[^"\\]|\\.)*")|((?<![\d.eE])-?\d{16,})(?![\d.eE])/g;

export function parseJson(text: string): unknown {
    if (!/\d{16}/.test(text)) return JSON.parse(text);
    const marked = text.replace(LONG, (all, quoted: string | undefined, number: string) =>
        quoted !== undefined || Number.isSafeInteger(Number(number)) ? all : `"\\u0000big${number}"`);
    return JSON.parse(marked, (_key, value) =>
        typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value);
}
