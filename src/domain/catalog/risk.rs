//! What makes a change risky, told by paths alone: the database, dependencies, configuration.
//!
//! The rules know the files of common tools. They ask people to look, and decide nothing.

use std::collections::BTreeSet;

use super::Risk;

/// Folders and parts of names that have to do with a database.
const DATABASE_FOLDERS: [&str; 6] = [
    "migrations",
    "migrate",
    "migration",
    "alembic",
    "flyway",
    "liquibase",
];
const DATABASE_FILES: [&str; 4] = ["schema.rb", "structure.sql", "schema.prisma", "schema.sql"];
const DATABASE_ENDINGS: [&str; 2] = ["sql", "ddl"];

/// Files that say what a program needs.
const DEPENDENCY_FILES: [&str; 36] = [
    "cargo.lock",
    "cargo.toml",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "bun.lockb",
    "deno.lock",
    "pipfile",
    "pipfile.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "gemfile",
    "gemfile.lock",
    "go.mod",
    "go.sum",
    "composer.json",
    "composer.lock",
    "mix.exs",
    "mix.lock",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "gradle.lockfile",
    "packages.lock.json",
    "flake.lock",
    "flake.nix",
    "rust-toolchain.toml",
    "requirements.in",
];

/// Files and endings of servers, containers and environments.
const CONFIGURATION_FILES: [&str; 12] = [
    "dockerfile",
    "containerfile",
    "procfile",
    "caddyfile",
    "vagrantfile",
    "makefile",
    "ansible.cfg",
    "nginx.conf",
    "gunicorn.conf.py",
    "settings.py",
    "crontab",
    "releases.toml",
];
const CONFIGURATION_ENDINGS: [&str; 13] = [
    "conf",
    "cfg",
    "ini",
    "service",
    "socket",
    "timer",
    "env",
    "tf",
    "tfvars",
    "properties",
    "nginx",
    "j2",
    "hcl",
];
const CONFIGURATION_FOLDERS: [&str; 12] = [
    "config",
    "conf",
    "deploy",
    "infra",
    "k8s",
    "helm",
    "ansible",
    "terraform",
    "nginx",
    "systemd",
    "playbooks",
    "etc",
];

/// What of these paths is risky, each kind once.
pub fn risks<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Risk> {
    let found: BTreeSet<Risk> = paths.into_iter().filter_map(risk).collect();
    found.into_iter().collect()
}

/// What makes a change of this file risky: the first kind that fits.
fn risk(path: &str) -> Option<Risk> {
    let path = path.to_lowercase();
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    let within = |names: &[&str]| folders.split('/').any(|folder| names.contains(&folder));
    // What is written for people changes nothing that runs.
    if matches!(ending, "md" | "rst" | "txt" | "adoc") && !file.starts_with("requirements") {
        return None;
    }
    if within(&DATABASE_FOLDERS)
        || DATABASE_FILES.contains(&file)
        || DATABASE_ENDINGS.contains(&ending)
    {
        return Some(Risk::Database);
    }
    let is_requirements = file.starts_with("requirements") && matches!(ending, "txt" | "in");
    let is_needs = (folders.ends_with("requirements") && ending == "txt")
        || ending == "csproj"
        || ending == "gemspec";
    if DEPENDENCY_FILES.contains(&file) || is_requirements || is_needs {
        return Some(Risk::Dependency);
    }
    let is_compose = (file.contains("compose") || within(&CONFIGURATION_FOLDERS))
        && matches!(ending, "yml" | "yaml" | "toml" | "json");
    let is_container = file.starts_with("dockerfile.") || ending == "dockerfile";
    let is_environment = file == ".env" || file.starts_with(".env.");
    let is_pipeline = path.starts_with(".github/workflows/") || file == ".gitlab-ci.yml";
    let is_configuration = CONFIGURATION_FILES.contains(&file)
        || CONFIGURATION_ENDINGS.contains(&ending)
        || is_compose
        || is_container
        || is_environment
        || is_pipeline
        || within(&["nginx", "systemd"]);
    is_configuration.then_some(Risk::Configuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risks_are_told_by_paths() {
        for (path, expected) in [
            ("shop/migrations/0004_total.py", Some(Risk::Database)),
            ("db/schema.rb", Some(Risk::Database)),
            ("queries/report.SQL", Some(Risk::Database)),
            ("Cargo.lock", Some(Risk::Dependency)),
            ("web/package-lock.json", Some(Risk::Dependency)),
            ("requirements-dev.txt", Some(Risk::Dependency)),
            ("requirements/base.txt", Some(Risk::Dependency)),
            ("infra/nginx.conf", Some(Risk::Configuration)),
            ("docker-compose.prod.yml", Some(Risk::Configuration)),
            ("Dockerfile", Some(Risk::Configuration)),
            (".env.production", Some(Risk::Configuration)),
            ("deploy/app.yaml", Some(Risk::Configuration)),
            ("src/main.rs", None),
            ("docs/migrations/README.md", None),
            ("immigrations.py", None),
            ("a\n\u{1b}[31m", None),
            ("", None),
        ] {
            assert_eq!(risk(path), expected, "{path}");
        }
        let all = risks(["Cargo.lock", "x.sql", "y.sql", "src/a.rs"]);
        assert_eq!(all, [Risk::Database, Risk::Dependency]);
    }
}
