# What Snakemake's plugin for SLURM (2.8.0) lacks, around it: to be dropped piece by
# piece as it learns them.
#
# - No answer is no news: it forgets all jobs after a query without an answer.
# - States: it waits for ever for PREEMPTED (true of jobs that SLURM requeues; ours it
#   does not) and "CANCELLED by 0", and for a job that SLURM has forgotten.
# - Ctrl-C: it cancels the jobs that it knows at that moment; here all of the run.
# - Retries: what is the cluster's fault uses up none; growth by cause, up to a limit.
# - A submission that is refused for a while is tried again.
import dataclasses
import functools
import getpass
import threading
import time

from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from selfjudge.run import attempts as tries
from selfjudge.run import slurm as cluster
from selfjudge.run.shards import most_requests
from selfjudge.run.site import read_site

SLURM = ExecutorPluginRegistry().plugins["slurm"]
PLUGIN = sys.modules[SLURM.executor.__module__]
SITE = Path(workflow.basedir, "profiles", "slurm")
# What `decisions: local` spares the queue: decisions that read records, and no image.
# Any other rule is a job, and so are these where `Site.decides_here` says no.
LIGHT = {
    *("select_prompts", "read_questions", "choose_questions", "build_pairs"),
    *("filter_judgments", "score_benchmark", "rescore_benchmark", "compare_scores"),
    *("compare_protocol", "hold_out_prompts", "pair_held_out", "measure_leak"),
    *("certify_judge", "select_panel_prompts"),
}


class Asked(dict):
    """A job's resources, as the plugin reads them."""

    __getattr__ = dict.get


class JobView:
    """A job as the plugin submits it, with what its next attempt asks for."""

    def __init__(self, job, resources):
        self.threads = job.threads
        self.resources = Asked(resources)
        self.is_group = job.is_group


class Mended(PLUGIN.Executor):
    """The plugin's executor, with the patience that it lacks."""

    def __post_init__(self, *arguments, **keywords):
        self.attempts = {}  # of each job
        self.states = {}  # of each SLURM job, as last told
        self.missed = {}  # how often in a row SLURM did not name a job
        self.asked = []
        self.silent_since = None
        self.submitted = set()
        self.refused = 0  # submissions in a row
        self.stopping = threading.Event()
        super().__post_init__(*arguments, **keywords)
        self.site = read_site(SITE)
        if self.site.decides_here(max(most_requests(config).values())):
            workflow._localrules |= LIGHT & {rule.name for rule in workflow.rules}
        # The plugin's own functions, as its methods call them.
        self.query = PLUGIN.query_job_status
        PLUGIN.query_job_status = self.ask_states
        PLUGIN.get_submit_command = functools.partial(
            self.command, PLUGIN.get_submit_command
        )
        PLUGIN.set_gres_string = lambda job: ""  # `command` asks for GPUs and the like

    # -- asking ----------------------------------------------------------------

    async def check_active_jobs(self, active_jobs):
        self.asked = [info.external_jobid for info in active_jobs]
        async for info in super().check_active_jobs(active_jobs):
            yield info
        # Three minutes between two questions would leave GPUs idle.
        self.next_seconds_between_status_checks = min(
            self.next_seconds_between_status_checks, 60
        )

    async def ask_states(self, command, logger):
        answer, seconds = await self.query(command, logger)
        if answer is None:
            if self.silent_since is None:
                self.silent_since = time.time()
                logger.warning(
                    "SLURM does not answer: its jobs stay known, and are asked for again."
                )
            return {}, 0.0
        if self.silent_since is not None:
            logger.warning(
                f"SLURM answers again, after {time.time() - self.silent_since:.0f} s."
            )
            self.silent_since = None
        states = {job: cluster.one_word(state) for job, state in answer.items()}
        for job in self.asked:
            self.missed[job] = 0 if job in states else self.missed.get(job, 0) + 1
            if self.missed[job] >= 3:
                ended = cluster.show_job(job)
                if ended is not None:
                    states[job] = ended.state
                elif cluster.is_unknown(job):
                    states[job] = "LOST"
        self.states |= states
        known = {job: "FAILED" if s in tries.ENDS else s for job, s in states.items()}
        return known, seconds

    # -- retrying --------------------------------------------------------------

    def report_job_error(self, job_info, msg=None, **keywords):
        job, number = job_info.job, job_info.external_jobid
        if number is not None and not self.stopping.is_set():
            msg = f"{self.learn(job_info)} {msg or ''}"
        super().report_job_error(job_info, msg=msg, **keywords)

    def learn(self, job_info):
        """Take in how a job ended; a sentence about it."""
        job, number = job_info.job, job_info.external_jobid
        state = self.states.get(number, "FAILED")
        ended = cluster.show_job(number) or cluster.Ended(
            state=state, seconds=tries.EARLY, limit=None, node=""
        )
        if state == "LOST":
            ended = dataclasses.replace(ended, state=state)
        signal = self.site.signal_seconds if job.resources.get("gpu") else 0
        end = self.end_of(job_info.aux["slurm_logfile"])
        cause = tries.find_cause(ended, end, signal)
        known = self.attempts.setdefault(job, tries.Attempts())
        counts = known.learn(cause, ended.node)
        if not counts:
            # Snakemake adds one.
            job.attempt -= 1
        line = {
            "job": number,
            "rule": job.name,
            "place": PLUGIN.get_job_wildcards(job),
            "cause": cause,
            "state": ended.state,
            "node": ended.node,
            "seconds": ended.seconds,
            "ended": time.time(),
            "counts": counts,
        }
        try:
            with open(self.slurm_logdir / "ended.jsonl", "a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            self.logger.warning(f"The end of job {number} is not noted: {error}")
        where = f" on {ended.node}" if ended.node else ""
        moves = cause == "early" and not job.resources.get("nodelist")
        kept_off = f" The next attempt keeps off {ended.node}." * moves
        return f"{tries.WORDS[cause]}{where}.{kept_off if ended.node else ''}"

    def end_of(self, log):
        """The end of a job's log; "" where there is none, or the disk does not answer.

        An error here would end the thread that waits for all jobs.
        """
        try:
            return log.read_text(errors="replace")[-20000:]
        except FileNotFoundError:
            return ""
        except OSError as error:
            self.logger.warning(f"{log}: cannot be read: {error}")
            return ""

    # -- submitting ------------------------------------------------------------

    def command(self, build, job, params, settings=None, failed_nodes=None, **more):
        """The sbatch command of a job's next attempt."""
        known = self.attempts.get(job, tries.Attempts())
        asked = dict(job.resources.items())
        partition = str(asked.get("slurm_partition") or "")
        minutes, size, num_nodes = self.site.max_minutes, self.site.max_mb, 1
        try:
            limits = cluster.partition_limits(partition)
        except LookupError:  # sbatch will say what is wrong with it
            pass
        else:
            minutes, size = minutes or limits[0], size or limits[1]
            num_nodes = limits[2]
        if asked.get("runtime"):
            asked["runtime"] = tries.grow(
                asked["runtime"], known.minutes_factor, minutes
            )
        if asked.get("mem_mb"):
            asked["mem_mb"] = tries.grow(asked["mem_mb"], known.memory_factor, size)
        if not self.site.memory:
            asked.pop("mem_mb", None)
        num_gpus, gres = asked.get("gpu"), asked.get("gres")
        if num_gpus and self.site.gpu_cpus:
            asked.setdefault("cpus_per_task", self.site.gpu_cpus * num_gpus)
        extra = asked.get("slurm_extra") or ""
        if asked.get("nodelist"):
            asked["slurm_extra"] = tries.pinned(extra, asked["nodelist"])
        else:
            nodes = tries.avoided(known.bad_nodes, self.attempts.values(), num_nodes)
            asked["slurm_extra"] = tries.with_excluded(extra, nodes)
        call = build(JobView(job, asked), params, settings=settings, **more)
        if gres:
            call += f" --gres={shlex.quote(gres)}"
        if num_gpus:
            model = asked.get("gpu_model")
            wanted = f"{model}:{num_gpus}" if model else str(num_gpus)
            kind = "gpu:" if self.site.gpu_request == "gres" else ""
            call += f" --{self.site.gpu_request}={shlex.quote(kind + wanted)}"
        return call

    def _report_job_error_threadsafe(self, job_info, msg):
        """Called where a submission failed, in the thread that submits."""
        job = job_info.job
        if not tries.may_pass_later(msg) or self.stopping.is_set():
            super()._report_job_error_threadsafe(job_info, msg)
            return
        refused, self.refused = self.refused, self.refused + 1
        if not refused:
            self.logger.warning(
                "SLURM takes no more jobs for now; submitted again until it does: "
                + msg.splitlines()[0]
            )
        # sbatch may say no though the job was taken: it must be known to be gone.
        while not self.stopping.wait(tries.WAITS[min(refused, len(tries.WAITS) - 1)]):
            refused += 1
            queued = self.queued(job)
            if queued is None:
                continue
            taken = [one for one in queued if one not in self.submitted]
            if not taken:
                self._job_submission_executor.submit(self.run_job, job)
                return
            cluster.call("scancel", *taken)

    def queued(self, job):
        """The ids of a job in the queue of SLURM, as this run has named it.

        None where SLURM does not answer.
        """
        listing = cluster.call(
            "squeue", "--noheader", f"--name={self.run_uuid}", "--format=%i|%k"
        )
        if listing is None:
            return None
        rows = [line.split("|", 1) for line in listing.splitlines()]
        wildcards = PLUGIN.get_job_wildcards(job)
        comment = f"rule_{job.name}" + f"_wildcards_{wildcards}" * bool(wildcards)
        return [number for number, said in rows if said == comment]

    def report_job_submission(self, job_info, register_job=True):
        self.refused = 0
        self.submitted.add(job_info.external_jobid)
        super().report_job_submission(job_info, register_job=register_job)

    # -- stopping --------------------------------------------------------------

    def cancel(self):
        self.stopping.set()
        self._job_submission_executor.shutdown(wait=True, cancel_futures=True)
        super().cancel()

    def cancel_jobs(self, active_jobs):
        """Cancel all that this run has in the queue, whatever is known of it."""
        command = ["scancel", f"--user={getpass.getuser()}", f"--name={self.run_uuid}"]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if cluster.call(*command) is not None:
                return
            time.sleep(5)
        self.logger.warning(
            "SLURM does not answer: the jobs of this run are NOT cancelled. Type, as soon "
            f"as it answers: {' '.join(command)}"
        )


SLURM.executor = Mended
