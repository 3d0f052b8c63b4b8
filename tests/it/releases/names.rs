//! Tags that are called as something else is: a branch, a branch of a remote, the beginning of a commit, an option. Where a
//! release is meant, its tag is meant.

use golive::edge::git::Git;
use serde_json::Value;

use crate::support::nasty::Nasty;

/// Names that git takes for something else.
const TAKEN: [&str; 4] = ["heads/main", "remotes/origin/x", "stash", "-x"];

/// A repository with such tags on its first commit and what they are taken for on its last; both commits.
fn mistakable() -> (Nasty, String, String) {
    let mut nasty = Nasty::empty(
        "match = [\"heads/*\", \"remotes/*/*\", \"R-*\", \"main\", \"stash\", \"-x\", \"HEAD\", \"[0-9a-f]*\"]",
    );
    let first = nasty.commit("first");
    for tag in TAKEN.iter().chain(&["main", "HEAD"]) {
        nasty.git(&["update-ref", &format!("refs/tags/{tag}"), "HEAD"]);
    }
    nasty.wait(5);
    let last = nasty.commit("last");
    nasty.git(&["update-ref", &format!("refs/tags/{}", &last[..9]), &first]);
    for other in ["refs/remotes/origin/x", "refs/stash"] {
        nasty.git(&["update-ref", other, "HEAD"]);
    }
    nasty.release("R-2", "HEAD", "");
    nasty.mark("LIVE", "refs/tags/R-2");
    (nasty, first, last)
}

#[tokio::test]
async fn a_word_among_releases_is_the_tag_of_this_name_before_anything_else() {
    let (nasty, first, last) = mistakable();
    let git = Git::new(nasty.root());
    let begin = &last[..9];
    for tag in TAKEN.iter().chain(&["main", begin]) {
        let found = git.resolve_release(tag).await.unwrap();
        assert_eq!(found.as_str(), first, "{tag}");
        let word = git.word_of_tag(tag).await;
        let is_taken = TAKEN.contains(tag);
        let wanted = if is_taken { "refs/tags/" } else { "" };
        assert_eq!(word, format!("{wanted}{tag}"));
        // What stands in journals and commands is what git takes for it.
        let git_takes = git.resolve(&word).await.unwrap();
        assert_eq!(git_takes.as_str(), first, "{word}");
    }
    for word in ["HEAD", "refs/heads/main", last.as_str(), &last[..12]] {
        let found = git.resolve_release(word).await.unwrap();
        assert_eq!(found.as_str(), last, "{word}");
    }
    assert_eq!(git.word_of_tag("HEAD").await, "refs/tags/HEAD");
}

#[test]
fn releases_are_compared_shown_and_gone_back_to_by_their_tags() {
    let (nasty, first, last) = mistakable();
    let json = |arguments: &[&str]| -> Value {
        let output = nasty.golive(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    for tag in ["heads/main", "remotes/origin/x", &last[..9]] {
        let diff = json(&["releases", "diff", tag, "R-2", "--json"]);
        assert_eq!(diff["from"]["commit"], first.as_str(), "{tag}");
        assert_eq!(diff["to"]["commit"], last.as_str(), "{tag}");
        let shown = json(&["releases", "show", tag, "--json"]);
        assert_eq!(shown["commit"], first.as_str(), "{tag}");
        let back = json(&["rollback", "production", tag, "--dry-run", "--json"]);
        assert_eq!(back["plan"]["commit"], first.as_str(), "{back}");
        // What steps are told is what git takes for it.
        assert_eq!(back["plan"]["ref"], "refs/tags/stash", "{back}");
    }
    let typed = nasty.golive(&["plan", "--ref", "heads/main", "--json"]);
    let typed: Value = serde_json::from_slice(&typed.stdout).unwrap();
    assert_eq!(typed["commit"], last.as_str(), "git's own rule");
}
