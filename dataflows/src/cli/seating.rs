//! The options of a build that several processes share.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::{ClusterError, Seat};

/// The port of process 0 where no hosts are given; the others' follow.
const FIRST_PORT: u16 = 2101;

/// Most processes: each two of them have a connection.
const PROCESSES_MAX: i64 = 256;

/// A build that several processes share, on one machine or on many.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Several processes")]
pub(super) struct SeatArgs {
    #[arg(help = "Build together with others: so many processes in all, each given this command \
                  but for --process, with the same --workers. All see corpus and world under the \
                  same paths, on a file system that shows at once what another has written. If \
                  one is lost, all end with 2, and the same commands go on")]
    #[arg(long, value_name = "N", default_value = "1", requires = "process")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=PROCESSES_MAX))]
    processes: u16,
    /// Which of them this is, from 0. Process 0 leads: it makes the version.
    #[arg(long, value_name = "I", requires = "processes")]
    process: Option<u16>,
    /// A file with a line `host:port` for each process, in order; without it, ports 2101 and up of
    /// this machine. In a network whose members trust one another: nothing is encrypted.
    #[arg(long, value_name = "FILE", requires = "processes")]
    hosts: Option<PathBuf>,
    /// How long to wait for the others to come, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    patience: u16,
}

impl SeatArgs {
    /// This process's place among several; none if it is alone.
    pub(super) fn seat(&self, workers: usize) -> anyhow::Result<Option<Seat>> {
        let Some(process) = self.process else { return Ok(None) };
        let (process, processes) = (usize::from(process), usize::from(self.processes));
        anyhow::ensure!(
            process < processes,
            "--process {process} is not one of {processes}: they count from 0"
        );
        if processes == 1 {
            return Ok(None);
        }
        let patience = Duration::from_secs(self.patience.into());
        Ok(Some(Seat { process, addresses: self.addresses(processes)?, workers, patience }))
    }

    fn addresses(&self, processes: usize) -> Result<Vec<String>, ClusterError> {
        let Some(file) = &self.hosts else {
            let ports = (FIRST_PORT..).take(processes);
            return Ok(ports.map(|port| format!("127.0.0.1:{port}")).collect());
        };
        let name = file.display();
        let text = fs::read_to_string(file)
            .map_err(|error| ClusterError::Hosts(format!("\"{name}\" cannot be read: {error}")))?;
        let mut addresses = Vec::new();
        for (place, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let port = line.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) {
                let place = place + 1;
                let what = format!("\"{name}\", line {place}: \"{line}\" is not host:port");
                return Err(ClusterError::Hosts(what));
            }
            addresses.push(line.to_string());
        }
        if addresses.len() < processes {
            let count = addresses.len();
            let what = format!("\"{name}\" has {count} hosts for {processes} processes");
            return Err(ClusterError::Hosts(what));
        }
        addresses.truncate(processes);
        if addresses.iter().collect::<BTreeSet<_>>().len() < processes {
            let what = format!("\"{name}\" gives two processes the same address");
            return Err(ClusterError::Hosts(what));
        }
        Ok(addresses)
    }
}
