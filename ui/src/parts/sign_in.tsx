import { useState } from 'preact/hooks';
import { Problem } from '../lib/api';
import { signIn, type Session } from '../lib/session';
import { Logo } from './icon';

export function SignIn({ onSession }: { onSession: (session: Session) => void }) {
    const [token, setToken] = useState(''), [wrong, setWrong] = useState(''), [busy, setBusy] = useState(false);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setWrong('');
        try {
            onSession(await signIn(token.trim()));
        } catch (error) {
            setWrong(error instanceof Problem ? (error.status === 401 ? 'This token is not known here. It may have been revoked, or something is missing at its end.' : error.message) : String(error));
            setBusy(false);
        }
    };
    return (
        <main class="sign-in">
            <form onSubmit={submit}>
                <h1><Logo size={28} />purser</h1>
                <label class="row">
                    <span>Token</span>
                    <input class="field" type="password" autocomplete="current-password" required autofocus value={token} onInput={(event) => setToken(event.currentTarget.value)} aria-invalid={!!wrong} aria-describedby="sign-in-help" />
                    <small id="sign-in-help">The admin token was shown when purser first started, or stands in <code>admin.token</code> of its settings. An admin can make tokens for others.</small>
                </label>
                {wrong && <p class="notice bad" role="alert">{wrong}</p>}
                <button class="button main" type="submit" disabled={busy || !token.trim()}>Sign in</button>
            </form>
        </main>
    );
}
