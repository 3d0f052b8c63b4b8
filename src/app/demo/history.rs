//! What happened in the demo's project: who changed what when, and what was released.
//!
//! Data only, oldest first. Texts that are the same in the newest commit are files in `assets/`; what an earlier
//! commit said differently stands here. Dates are counted back from the day the demo is made.

use chrono::{DateTime, Days, Local};

/// A file of the project: its path and its text.
type File = (&'static str, &'static str);

/// One commit of the history.
pub(super) struct Change {
    pub(super) author: &'static Author,
    pub(super) made: Moment,
    pub(super) subject: &'static str,
    pub(super) files: &'static [File],
    /// How the release went, when it was released, some minutes after it was made.
    pub(super) released: Option<Took>,
}

/// What a release took and proved.
pub(super) struct Took {
    /// Seconds of the whole run.
    pub(super) run_s: f64,
    /// Seconds web1 and web2 were down.
    pub(super) down_s: [f64; 2],
    /// How many tests ran.
    pub(super) tests: u32,
}

/// A time of day, some days before the demo is made.
pub(super) struct Moment {
    days_ago: u64,
    hour: u32,
    minute: u32,
}

impl Moment {
    /// The moment as seen from `now`; where the clock was set forward over it, the same distance before `now`.
    pub(super) fn seen_from(&self, now: DateTime<Local>) -> DateTime<Local> {
        let day = now.date_naive() - Days::new(self.days_ago);
        day.and_hms_opt(self.hour, self.minute, 0)
            .and_then(|time| time.and_local_timezone(Local).earliest())
            .unwrap_or(now - Days::new(self.days_ago))
    }
}

/// Somebody who works on the project.
pub(super) struct Author {
    pub(super) name: &'static str,
    pub(super) email: &'static str,
}

pub(super) const ADA: Author = Author {
    name: "Ada Marsh",
    email: "ada@harbour.example",
};
const BEN: Author = Author {
    name: "Ben Okoro",
    email: "ben@harbour.example",
};
const CLARA: Author = Author {
    name: "Clara Lind",
    email: "clara@harbour.example",
};

macro_rules! asset {
    ($path:literal) => {
        ($path, include_str!(concat!("assets/", $path)))
    };
}

/// The page before it said which schema it shows.
const FIRST_PAGE: &str = "<!doctype html>\n<title>Harbour notices</title>\n<h1>Harbour notices</h1>\n<ul>\n{{notices}}</ul>\n\
                          <footer>version {{version}}</footer>\n";

/// The page before it was made ready for telephones.
const SECOND_PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<title>Harbour notices</title>\n\
                           <link rel=\"stylesheet\" href=\"/style.css\">\n<h1>Harbour notices</h1>\n<ul>\n{{notices}}</ul>\n\
                           <footer>version {{version}}, commit {{commit}}, schema {{schema}}</footer>\n</html>\n";

/// The style that pinned notices and dark months bring.
const WARM_STYLE: &str = "body { font-family: serif; margin: 2em auto; max-width: 40em; color: #322; background: #fdf8f0; }\n\
                          li { margin: 0.5em 0; }\nli.pinned { font-weight: bold; border-left: 4px solid #c60; padding-left: 0.5em; }\n\
                          em { color: #765; }\nsmall { color: #c60; }\nfooter { margin-top: 3em; font-size: small; color: #987; }\n";

/// What happened, oldest first. `releases.toml` is added to the change with the scripts, filled in.
pub(super) const HISTORY: &[Change] = &[
    Change {
        author: &ADA,
        made: Moment {
            days_ago: 50,
            hour: 9,
            minute: 40,
        },
        subject: "Serve one page of notices",
        files: &[
            ("VERSION", "1.0.0\n"),
            asset!("README.md"),
            ("pages/index.html", FIRST_PAGE),
            asset!("migrations/0001_notices.sh"),
        ],
        released: None,
    },
    Change {
        author: &ADA,
        made: Moment {
            days_ago: 49,
            hour: 16,
            minute: 5,
        },
        subject: "Write down how a release goes, and script it",
        files: &[
            asset!("ops/lib.sh"),
            asset!("ops/build.sh"),
            asset!("ops/install.sh"),
            asset!("ops/migrate.sh"),
            asset!("ops/start.sh"),
            asset!("ops/stop.sh"),
            asset!("ops/switch.sh"),
        ],
        released: None,
    },
    Change {
        author: &BEN,
        made: Moment {
            days_ago: 47,
            hour: 11,
            minute: 20,
        },
        subject: "Add a style",
        files: &[
            asset!("static/style.css"),
            ("pages/index.html", SECOND_PAGE),
        ],
        released: Some(Took {
            run_s: 31.4,
            down_s: [5.8, 6.1],
            tests: 9,
        }),
    },
    Change {
        author: &CLARA,
        made: Moment {
            days_ago: 39,
            hour: 14,
            minute: 10,
        },
        subject: "Test the scripts and the migrations",
        files: &[asset!("tests/run.sh")],
        released: None,
    },
    Change {
        author: &BEN,
        made: Moment {
            days_ago: 34,
            hour: 10,
            minute: 30,
        },
        subject: "Say who pinned a notice",
        files: &[asset!("migrations/0002_authors.sh")],
        released: None,
    },
    Change {
        author: &ADA,
        made: Moment {
            days_ago: 33,
            hour: 10,
            minute: 55,
        },
        subject: "Version 1.1.0",
        files: &[("VERSION", "1.1.0\n")],
        released: Some(Took {
            run_s: 29.7,
            down_s: [4.2, 4.4],
            tests: 17,
        }),
    },
    Change {
        author: &CLARA,
        made: Moment {
            days_ago: 21,
            hour: 15,
            minute: 45,
        },
        subject: "Ask the deployed application over HTTP",
        files: &[asset!("tests/functional.sh")],
        released: None,
    },
    Change {
        author: &ADA,
        made: Moment {
            days_ago: 19,
            hour: 9,
            minute: 15,
        },
        subject: "Make the page fit telephones",
        files: &[asset!("pages/index.html")],
        released: None,
    },
    Change {
        author: &ADA,
        made: Moment {
            days_ago: 11,
            hour: 13,
            minute: 30,
        },
        subject: "Version 1.2.0",
        files: &[("VERSION", "1.2.0\n")],
        released: Some(Took {
            run_s: 24.1,
            down_s: [2.1, 1.9],
            tests: 18,
        }),
    },
    Change {
        author: &BEN,
        made: Moment {
            days_ago: 6,
            hour: 16,
            minute: 40,
        },
        subject: "Keep until when a notice stays pinned",
        files: &[asset!("migrations/0003_pinned_until.sh")],
        released: None,
    },
    Change {
        author: &CLARA,
        made: Moment {
            days_ago: 3,
            hour: 11,
            minute: 5,
        },
        subject: "Set pinned notices apart, in warmer colours",
        files: &[("static/style.css", WARM_STYLE)],
        released: None,
    },
    Change {
        author: &CLARA,
        made: Moment {
            days_ago: 2,
            hour: 15,
            minute: 25,
        },
        subject: "Explain pinning in the readme",
        files: &[(
            "README.md",
            concat!(
                include_str!("assets/README.md"),
                "\nA notice with a date stays on top until then.\n"
            ),
        )],
        released: None,
    },
    Change {
        author: &ADA,
        made: Moment {
            days_ago: 1,
            hour: 10,
            minute: 10,
        },
        subject: "Version 1.3.0",
        files: &[("VERSION", "1.3.0\n")],
        released: None,
    },
];
