use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use super::sandbox::{self, Sandbox, Spawned};

/// What a child inherits of the gateway's environment unless said otherwise.
const INHERIT: [&str; 9] = [
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
];

/// A program to start, with all that it sees of its surroundings.
///
/// No shell reads it. Its environment is what [`env`](Self::env) sets, and of the gateway's own
/// only the variables that [`inherit`](Self::inherit) names; by default `PATH`, `HOME`, `USER`,
/// `LOGNAME`, `LANG`, `LC_ALL`, `LC_CTYPE`, `TZ` and `TMPDIR`.
#[derive(Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    inherit: Vec<OsString>,
    cwd: Option<PathBuf>,
    sandbox: Sandbox,
}

impl Command {
    /// This program, looked for in the gateway's `PATH` where it is a bare name.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            inherit: INHERIT.map(OsString::from).into(),
            cwd: None,
            sandbox: Sandbox::default(),
        }
    }

    /// The same with these arguments behind those that it has.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same with a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The same with these variables of the gateway's environment, in place of the default ones.
    #[must_use]
    pub fn inherit(mut self, names: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.inherit = names.into_iter().map(Into::into).collect();
        self
    }

    /// The same with this working directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// The same in this sandbox, in place of the default one.
    #[must_use]
    pub fn sandbox(mut self, sandbox: Sandbox) -> Self {
        self.sandbox = sandbox;
        self
    }

    /// Starts it.
    pub(super) async fn spawn(&self) -> io::Result<Spawned> {
        sandbox::spawn(self.process(), self.location(), self.sandbox.clone()).await
    }

    /// Where the program lies.
    fn location(&self) -> Option<PathBuf> {
        let program = Path::new(&self.program);
        if program.components().count() > 1 {
            return Some(match &self.cwd {
                Some(cwd) => cwd.join(program),
                None => program.to_owned(),
            });
        }
        let path = OsStr::new("PATH");
        let inherited = self.inherit.iter().any(|name| name == path);
        let dirs = match self.env.get(path) {
            Some(dirs) => Some(dirs.clone()),
            None => std::env::var_os(path).filter(|_| inherited),
        };
        let dirs = dirs?;
        let mut places = std::env::split_paths(&dirs).map(|dir| dir.join(program));
        places.find(|place| place.is_file())
    }

    /// The process to spawn: three pipes, a group of its own.
    pub(super) fn process(&self) -> tokio::process::Command {
        let inherited = self.inherit.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((name.as_os_str(), value))
        });
        let mut process = tokio::process::Command::new(&self.program);
        process
            .args(&self.args)
            .env_clear()
            .envs(inherited)
            .envs(&self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(cwd) = &self.cwd {
            process.current_dir(cwd);
        }
        process
    }
}

impl fmt::Debug for Command {
    /// Without the values of the environment and without the arguments, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field(
                "env",
                &self
                    .env
                    .keys()
                    .map(OsString::as_os_str)
                    .collect::<Vec<&OsStr>>(),
            )
            .field("inherit", &self.inherit)
            .field("cwd", &self.cwd)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value_of_the_environment() {
        let command = Command::new("prog")
            .args(["--token=s3cret"])
            .env("TOKEN", "s3cret");
        let debug = format!("{command:?}");
        assert!(
            debug.contains("TOKEN") && !debug.contains("s3cret"),
            "{debug}"
        );
    }
}
