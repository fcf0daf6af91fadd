// Signed in or not, and that alone.
import { useEffect, useState } from 'preact/hooks';
import { Problem, forgetAll, whenSignedOut } from './lib/api';
import { followLinks } from './lib/address';
import { currentSession, type Session } from './lib/session';
import { Logo } from './parts/icon';
import { Shell } from './parts/shell';
import { SignIn } from './parts/sign_in';
import { Failed } from './parts/state';

/** What is sure to be there, until it is known who looks. */
function Frame() {
    return (
        <div class="shell" aria-busy="true">
            <aside class="side" aria-label="purser"><span class="brand"><Logo />purser</span></aside>
            <div class="content"><header class="head" /><main /></div>
        </div>
    );
}

export function App() {
    const [session, setSession] = useState<Session | null | undefined>(undefined);
    const [problem, setProblem] = useState<Problem | null>(null);
    const look = () => {
        setProblem(null);
        currentSession().then(setSession, (error) => setProblem(error instanceof Problem ? error : new Problem(0, 'Unreadable answer', String(error))));
    };
    useEffect(() => {
        const signedOut = () => {
            forgetAll();
            setSession(null);
        };
        whenSignedOut(signedOut);
        document.addEventListener('click', followLinks);
        look();
        return () => document.removeEventListener('click', followLinks);
    }, []);
    if (problem) return <main class="sign-in"><Failed problem={problem} again={look} /></main>;
    if (session === undefined) return <Frame />;
    if (session === null) return <SignIn onSession={setSession} />;
    return <Shell session={session} onSignedOut={() => setSession(null)} />;
}
