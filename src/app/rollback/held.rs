//! Asking hosts whether they still hold a release: `[rollback] held`.
//!
//! The command only looks; its exit code is the answer. A host that cannot be asked is no error: its answer says why.

use futures_util::future::join_all;

use crate::app::releases::versions::variables;
use crate::app::report::Failure;
use crate::app::session::{self, Project};
use crate::domain::id::HostName;
use crate::domain::plan::{Plan, PlannedHost};
use crate::edge::inquiry;

/// Whether each host of the environment still holds the plan's commit; empty without `[rollback] held`.
pub(super) async fn held(project: &Project, plan: &Plan) -> Vec<(HostName, Result<bool, String>)> {
    let (Some(command), Some(back), Some(commit)) = (
        project.checklist.rollback.held.as_deref(),
        &plan.rollback,
        &plan.commit,
    ) else {
        return Vec::new();
    };
    let Some(env) = project.checklist.environment(&back.env) else {
        return Vec::new();
    };
    let all = plan.hosts.iter().chain(&plan.others);
    let hosts: Vec<PlannedHost> = all.filter(|host| host.env == env.name).cloned().collect();
    let sites = match project.sites(&hosts, &session::nobody()) {
        Ok(sites) => sites,
        Err(failure) => return unasked(env.hosts.iter().map(|host| &host.name), &failure),
    };
    let answers = join_all(env.hosts.iter().map(async |host| {
        let mut variables = variables(env, host);
        variables.insert("GOLIVE_COMMIT".to_owned(), commit.to_string());
        let to = back.to_tag.clone().unwrap_or_default();
        variables.insert("GOLIVE_ROLLBACK_TO".to_owned(), to);
        let place = (env.name.clone(), host.name.clone());
        let said = inquiry::ask(&sites, &place, command, &variables).await;
        let answer = match said {
            Ok(said) => said
                .code
                .map(|code| code == 0)
                .ok_or_else(|| "the command was ended".to_owned()),
            Err(error) => Err(error.why().to_owned()),
        };
        (host.name.clone(), answer)
    }))
    .await;
    sites.close().await;
    answers
}

/// Nobody could be asked: of no host it is known.
fn unasked<'a>(
    hosts: impl Iterator<Item = &'a HostName>,
    failure: &Failure,
) -> Vec<(HostName, Result<bool, String>)> {
    let causes = failure.causes.iter().map(String::as_str);
    let said: Vec<&str> = std::iter::once(failure.message.as_str())
        .chain(causes)
        .collect();
    let why = said.join(": ");
    hosts.map(|host| (host.clone(), Err(why.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::report::Code;

    #[test]
    fn when_nobody_can_be_asked_every_host_says_why() {
        let hosts = ["web1", "web2"].map(HostName::from);
        let mut failure = Failure::new(Code::Failed, "could not prepare connections");
        failure.causes.push("no space left".to_owned());
        let answers = unasked(hosts.iter(), &failure);
        let why = "could not prepare connections: no space left";
        assert_eq!(answers.len(), 2);
        assert!(
            answers
                .iter()
                .all(|(_, answer)| *answer == Err(why.to_owned()))
        );
    }
}
