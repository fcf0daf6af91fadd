// Fields of forms: a name, what belongs in it, and beside it what the server said against it.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface Attributes {
    id: string;
    class: string;
    'aria-invalid'?: boolean;
    'aria-describedby'?: string;
}

interface FieldProps {
    label: string;
    help?: ComponentChildren;
    wrong?: string | false;
    children: (attributes: Attributes) => ComponentChildren;
}

export function Field({ label, help, wrong, children }: FieldProps) {
    const id = useId(), said = `${id}-said`;
    return (
        <div class="form-row">
            <label for={id}>{label}</label>
            {children({ id, class: 'field', 'aria-invalid': wrong ? true : undefined, 'aria-describedby': wrong || help ? said : undefined })}
            {wrong ? <small class="bad" id={said}>{wrong}</small> : help && <small id={said}>{help}</small>}
        </div>
    );
}

export function Choice<Value extends string>({ id, label, value, of, onChange }: { id?: string; label: string; value: Value; of: readonly (readonly [Value, string])[]; onChange: (value: Value) => void }) {
    return (
        <select class="field" id={id} aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
            {of.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
        </select>
    );
}
