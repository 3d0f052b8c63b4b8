//! Lines of any bytes are read without harm: the bodies of the fuzz targets on inputs that are near to real logs.

use proptest::prelude::*;

pub(crate) mod bodies;

/// Pieces of which logs and hostile bytes are made.
const PIECES: &[&[u8]] = &[
    b"2026-11-21T04:00:00.123Z ",
    b"2026-11-21 04:00:00,123 ERROR ",
    b"Nov 21 04:00:00 web1 app[1]: ",
    b"[10/Oct/2000:13:55:36 -0700] ",
    b"[Fri Sep 09 10:42:29.902022 2011] ",
    b"E1121 04:00:00.1 ",
    b"1764000000.123 ",
    b"{\"ts\":1764000000,",
    b"\"level\":\"error\"}",
    b"level=warn ",
    b"error: ",
    b" DETAIL:  ",
    b"\"GET / HTTP/1.1\" 502 1",
    b"\n",
    b"\n  at x",
    b"\r",
    b"\r\n",
    b"\x1b[31m",
    b"\x1b]52;c;eA==\x07",
    b"\xe2\x80\xae",
    b"\xe2\x80",
    b"\xff\0",
    b"\x08",
    b"[^a]",
    b"\\s",
    b"(",
    b")",
    b"|",
    b"*",
    b"$",
    b"^",
];

proptest! {
    #[test]
    fn no_bytes_harm_who_reads_them(
        pieces in prop::collection::vec(
            prop_oneof![
                4 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
                1 => prop::collection::vec(any::<u8>(), 0..8),
            ],
            0..16,
        ),
        cut in 0_usize..300,
    ) {
        let mut bytes = pieces.concat();
        let cut = cut.min(bytes.len());
        bytes.rotate_left(cut);
        for body in [bodies::understanding, bodies::showing, bodies::intake, bodies::patterns] {
            body(&bytes);
        }
    }
}
