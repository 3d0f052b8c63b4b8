//! Forms: every way in which programs spell the value of a secret in what they print.
//!
//! Owns the list of spellings: as it is, each of its lines, percent-encoded, quoted for a shell, escaped for JSON and
//! HTML, in hexadecimal, in base64. Pure; every form is at least [`SHORTEST`] bytes long, so that no mask is a guess. A new
//! spelling belongs here and nowhere else.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::domain::secret::SHORTEST;

/// The spellings of a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forms {
    /// Those that stand in one piece.
    pub solid: BTreeSet<Vec<u8>>,
    /// Those that programs break into lines wherever a line is full: base64 and hexadecimal.
    pub broken: BTreeSet<Vec<u8>>,
}

/// So many characters of an encoded value may stand alone before a line ends; see [`Forms::broken`].
pub const LONE: usize = 4;

impl Forms {
    /// Adds the forms of a value.
    pub fn add(&mut self, value: &[u8]) {
        self.add_text(value);
        // What reads a secret line by line drops line ends in front and behind.
        self.add_text(value.trim_ascii());
        for line in value.split(|byte| matches!(byte, b'\n' | b'\r')) {
            self.add_text(line);
        }
        let coded = base64(value).into_iter().chain(hexadecimal(value));
        // Blanks in front move all that follows.
        let bare = base64(value.trim_ascii());
        for coded in coded.chain(bare) {
            for start in 0..LONE.min(coded.len()) {
                self.broken.insert(coded[start..].to_vec());
            }
        }
        self.solid.retain(|form| form.len() >= SHORTEST);
        self.broken.retain(|form| form.len() >= SHORTEST);
    }

    fn add_text(&mut self, text: &[u8]) {
        if text.len() < SHORTEST {
            return;
        }
        self.solid.insert(text.to_vec());
        self.solid.extend(percent(text));
        self.solid.extend(quoted(text));
        self.solid.extend(json(text));
        self.solid.extend(html(text));
    }
}

/// Percent-encoding as different programs do it: which signs stay, the case of digits, what a blank becomes.
fn percent(text: &[u8]) -> Vec<Vec<u8>> {
    let kept: [&[u8]; 7] = [
        b"-._~",
        b"-._",
        b"-._~/",
        b"-._~!'()*",
        b"-._*",
        b"-._~!'()*;,/?:@&=+$#",
        b"",
    ];
    let mut forms = Vec::new();
    for keep in kept {
        for upper in [true, false] {
            for plus in [false, true] {
                let mut out = String::new();
                for byte in text {
                    match *byte {
                        b' ' if plus => out.push('+'),
                        byte if byte.is_ascii_alphanumeric() || keep.contains(&byte) => {
                            out.push(char::from(byte));
                        }
                        byte if upper => put(&mut out, format_args!("%{byte:02X}")),
                        byte => put(&mut out, format_args!("%{byte:02x}")),
                    }
                }
                forms.push(out.into_bytes());
            }
        }
    }
    // Every byte, as those do who do not want to know.
    for upper in [true, false] {
        let mut out = String::new();
        for byte in text {
            if upper {
                put(&mut out, format_args!("%{byte:02X}"));
            } else {
                put(&mut out, format_args!("%{byte:02x}"));
            }
        }
        forms.push(out.into_bytes());
    }
    forms
}

/// Inside the quotes of a shell: `'…'` in three ways, `"…"`, backslashes, `$'…'`.
fn quoted(text: &[u8]) -> Vec<Vec<u8>> {
    let replaced = |with: &dyn Fn(u8) -> Option<Vec<u8>>| -> Vec<u8> {
        let each = text.iter().map(|byte| with(*byte).unwrap_or(vec![*byte]));
        each.flatten().collect()
    };
    let only =
        |sign: u8, with: &'static [u8]| replaced(&|byte| (byte == sign).then(|| with.to_vec()));
    let backslash =
        |signs: &'static [u8]| replaced(&|byte| signs.contains(&byte).then(|| vec![b'\\', byte]));
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
    let mut forms = vec![
        only(b'\'', br"'\''"),
        only(b'\'', br#"'"'"'"#),
        only(b'\'', br"\'"),
        backslash(b"$`\"\\"),
        backslash(b"$`\"\\!"),
        backslash(b"\"\\"),
        backslash(b"'\\"),
    ];
    // `printf %q` of bash escapes few signs, others all but letters and digits.
    for safe in [&b""[..], b"_", b"_-./:=@%+,", b"_-./:=@%+", b"_-./:@%+"] {
        let escaped = replaced(&|byte| {
            let plain = byte.is_ascii_alphanumeric() || safe.contains(&byte) || byte >= 0x80;
            (!plain).then(|| vec![b'\\', byte])
        });
        forms.push(escaped);
    }
    for octal in [true, false] {
        forms.push(replaced(&|byte| match byte {
            b'\n' => Some(br"\n".to_vec()),
            b'\t' => Some(br"\t".to_vec()),
            b'\r' => Some(br"\r".to_vec()),
            0x1b => Some(br"\E".to_vec()),
            b'\'' | b'\\' => Some(vec![b'\\', byte]),
            byte if is_safe(byte) || (0x20..0x7f).contains(&byte) => None,
            byte if octal => Some(format!("\\{byte:03o}").into_bytes()),
            byte => Some(format!("\\x{byte:02x}").into_bytes()),
        }));
    }
    forms
}

/// Inside the quotes of JSON: other characters than ASCII as they are or escaped, `/` and the signs of HTML too.
fn json(text: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let mut forms = Vec::new();
    for ways in 0..16_u8 {
        let (ascii, slash, html, upper) =
            (ways & 1 != 0, ways & 2 != 0, ways & 4 != 0, ways & 8 != 0);
        let mut out = String::new();
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '/' if slash => out.push_str("\\/"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c.is_control()
                    || (html && matches!(c, '<' | '>' | '&' | '\''))
                    || (ascii && !c.is_ascii()) =>
                {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        if upper {
                            put(&mut out, format_args!("\\u{unit:04X}"));
                        } else {
                            put(&mut out, format_args!("\\u{unit:04x}"));
                        }
                    }
                }
                c => out.push(c),
            }
        }
        forms.push(out.into_bytes());
    }
    forms
}

/// Inside of HTML and XML, as pages about faults show it: quotes named, numbered or as they are.
fn html(text: &[u8]) -> Vec<Vec<u8>> {
    let ways: [(&[u8], &[u8]); 6] = [
        (b"&quot;", b"&#39;"),
        (b"&quot;", b"&#x27;"),
        (b"&#34;", b"&#39;"),
        (b"&quot;", b"&apos;"),
        (b"&quot;", b"'"),
        (b"\"", b"'"),
    ];
    let spelled = ways.iter().map(|(double, single)| {
        let mut out = Vec::new();
        for byte in text {
            match byte {
                b'&' => out.extend(b"&amp;"),
                b'<' => out.extend(b"&lt;"),
                b'>' => out.extend(b"&gt;"),
                b'"' => out.extend(*double),
                b'\'' => out.extend(*single),
                byte => out.push(*byte),
            }
        }
        out
    });
    spelled.collect()
}

/// In hexadecimal, both cases.
fn hexadecimal(text: &[u8]) -> [Vec<u8>; 2] {
    let mut lower = String::new();
    for byte in text {
        put(&mut lower, format_args!("{byte:02x}"));
    }
    [lower.to_ascii_uppercase().into_bytes(), lower.into_bytes()]
}

/// In base64, of both alphabets, at each place a value can have in groups of three bytes: what is the same whatever
/// stands around it; and as the end of what was encoded, with its padding.
fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut forms = Vec::new();
    for alphabet in [STANDARD, URL_SAFE] {
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(value);
            let coded = encode(&bytes, alphabet);
            // Characters that hold bits of what stands before, or behind.
            let first = (before * 8).div_ceil(6);
            let sure = bytes.len() * 8 / 6;
            forms.push(coded[first..sure].to_vec());
            if sure < coded.len() {
                let unpadded = coded[first..].to_vec();
                let mut padded = unpadded.clone();
                padded.resize(unpadded.len() + 3 - bytes.len() % 3, b'=');
                forms.extend([unpadded, padded]);
            }
        }
    }
    forms
}

/// Base64 without padding.
fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 4 / 3 + 3);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=group.len() {
            out.push(alphabet[(bits >> (18 - 6 * at) & 63) as usize]);
        }
    }
    out
}

fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(value: &str) -> Forms {
        let mut forms = Forms::default();
        forms.add(value.as_bytes());
        forms
    }

    fn has(value: &str, form: &str) -> bool {
        let forms = forms(value);
        forms.solid.contains(form.as_bytes()) || forms.broken.contains(form.as_bytes())
    }

    #[test]
    fn a_value_is_known_as_programs_spell_it() {
        let value = "it's a/b&c \"d\" ü$";
        for form in [
            "it's a/b&c \"d\" ü$",
            r#"it'\''s a/b&c "d" ü$"#,
            r#"it'"'"'s a/b&c "d" ü$"#,
            r#"it's a/b&c \"d\" ü\$"#,
            r#"it\'s\ a/b\&c\ \"d\"\ ü\$"#,
            r#"it\'s a/b&c "d" \303\274$"#,
            r#"it's a/b&c \"d\" ü$"#,
            r#"it's a\/b&c \"d\" \u00fc$"#,
            "it%27s%20a%2Fb%26c%20%22d%22%20%C3%BC%24",
            "it%27s+a%2fb%26c+%22d%22+%c3%bc%24",
            "it's%20a%2Fb%26c%20%22d%22%20%C3%BC%24",
            "it's%20a/b&c%20%22d%22%20%C3%BC$",
            "6974277320612f62266320226422",
            "it&#39;s a/b&amp;c &quot;d&quot; ü$",
            "it's a/b&amp;c \"d\" ü$",
        ] {
            assert!(
                has(value, form)
                    || forms(value)
                        .broken
                        .iter()
                        .any(|f| f.starts_with(form.as_bytes())),
                "{form}"
            );
        }
    }

    #[test]
    fn base64_is_known_wherever_the_value_stands() {
        // `printf 'correct horse' | base64`, and with one and two bytes in front.
        assert!(has("correct horse", "Y29ycmVjdCBob3JzZQ=="));
        assert!(has("correct horse", "Y29ycmVjdCBob3JzZQ"));
        assert!(has("correct horse", "Y29ycmVjdCBob3JzZ"));
        assert!(has("correct horse", "NvcnJlY3QgaG9yc2"));
        assert!(has("correct horse", "jb3JyZWN0IGhvcnNl"));
    }

    #[test]
    fn lines_of_a_value_are_values_when_they_are_long_enough() {
        let forms = forms("-----BEGIN KEY-----\nMIIabcdefg\nshort\n");
        assert!(forms.solid.contains(&b"MIIabcdefg"[..]));
        assert!(!forms.solid.contains(&b"short"[..]));
    }
}
