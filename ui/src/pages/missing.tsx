import { Page } from '../parts/page';
import { Empty } from '../parts/state';

export function Missing() {
    return (
        <Page title="No such page">
            <Empty title="There is nothing at this address">The pages are listed at the side; / searches.</Empty>
        </Page>
    );
}
