//! A lock as a document: a table for people, JSON for programs. The keys of the JSON are a contract (design/3).

use serde_json::{Value, json};

use crate::app::holders;
use crate::app::runs::table;
use crate::domain::id::LockId;
use crate::domain::lock::{Busy, KeptAt, LockView};
use crate::domain::run::Moment;

/// Who has it, and what each place says. `by_hand` is the lock that was taken by hand on this machine.
pub(super) fn text(view: &LockView, by_hand: Option<&LockId>, now: Moment) -> String {
    let env = &view.env;
    let mut text = match holders::best_known(view) {
        None if view.places.iter().any(is_unknown) => {
            format!("{env} is not locked where that could be asked\n")
        }
        None => format!("{env} is not locked\n"),
        Some(busy) => {
            let holder = busy.holder.as_ref();
            let mine = if by_hand == Some(&busy.id) {
                ", by hand from here"
            } else {
                ""
            };
            format!(
                "{env} is locked by {}{mine}\n  {}\n  {}\n  id {}\n",
                holders::who(holder),
                holders::facts(holder, now),
                holders::heard(&busy),
                busy.id
            )
        }
    };
    let rows: Vec<[String; 4]> = view.places.iter().map(row).collect();
    text.push('\n');
    text.push_str(&table(&["place", "lock", "by", "note"], &rows));
    text
}

fn is_unknown((_, kept): &(String, KeptAt)) -> bool {
    matches!(kept, KeptAt::Unknown(_))
}

fn row((place, kept): &(String, KeptAt)) -> [String; 4] {
    let [lock, by, note] = match kept {
        KeptAt::Free => ["free".to_owned(), String::new(), String::new()],
        KeptAt::Unknown(why) => ["unknown".to_owned(), String::new(), why.clone()],
        KeptAt::Held(busy) => [
            "held".to_owned(),
            holders::who(busy.holder.as_ref()),
            format!("id {}", busy.id),
        ],
    };
    [place.clone(), lock, by, note]
}

/// The lock of an environment as JSON.
pub(super) fn document(view: &LockView) -> Value {
    let of = |busy: Option<&Busy>| {
        let holder = busy.and_then(|busy| busy.holder.as_ref());
        json!({
            "id": busy.map(|busy| &busy.id),
            "by": holder.map(|holder| &holder.by),
            "run": holder.and_then(|holder| holder.run.as_ref()),
            "since": holder.map(|holder| holder.since),
            "reason": holder.and_then(|holder| holder.reason.as_ref()),
            "beat_s": busy.and_then(|busy| busy.beat_s),
        })
    };
    let places = view.places.iter().map(|(place, kept)| {
        let (state, busy, why) = match kept {
            KeptAt::Free => ("free", None, None),
            KeptAt::Held(busy) => ("held", Some(busy), None),
            KeptAt::Unknown(why) => ("unknown", None, Some(why)),
        };
        let mut value = of(busy);
        value["place"] = json!(place);
        value["state"] = json!(state);
        value["why"] = json!(why);
        value
    });
    let known = holders::best_known(view);
    let mut value = of(known.as_ref());
    value["env"] = json!(view.env);
    value["held"] = json!(known.is_some());
    value["places"] = places.collect();
    value
}
