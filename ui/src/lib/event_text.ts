// Server-sent events out of a text that comes in pieces (WHATWG HTML, 9.2.6), as far as purser writes them.

export interface TextEvent {
    name: string;
    data: string;
}

export class EventText {
    private rest = '';

    /** The events that are whole now. */
    feed(piece: string): TextEvent[] {
        this.rest += piece;
        const blocks = this.rest.split('\n\n');
        this.rest = blocks.pop()!;
        return blocks.map((block) => {
            const event: TextEvent = { name: 'message', data: '' };
            const data: string[] = [];
            for (const line of block.split('\n')) {
                if (line.startsWith('event: ')) event.name = line.slice(7);
                else if (line.startsWith('data: ')) data.push(line.slice(6));
                else if (line === 'data:') data.push('');
            }
            event.data = data.join('\n');
            return event;
        });
    }
}
