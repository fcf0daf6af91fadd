import { render } from 'preact';
import { App } from './app';
import { applyTheme, readTheme } from './lib/theme';
import './style/index.css';

applyTheme(readTheme());
render(<App />, document.getElementById('app')!);
