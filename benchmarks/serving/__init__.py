"""Benchmark of serving: what one prediction over HTTP costs this service and other servers.

Modules, in reading order:
    contenders: The measured servers: how each is started, and the form of its requests and replies.
    apps: The applications that the other servers run.
    comparison: Measures one contender. It starts the contender's processes (`process`), checks its answers
        (`probe`), and sends it a load (`wrk`).
    additional_loads: Loads of batches and pictures, which only this service receives.
    scaling: Measures this service by batch size and by number of connections.
    goals, report, plots: Compare the results with the goals, and write tables and plots.
    quick: Compares the checkout with an earlier revision (`revisions`) in the cases of `quick_cases`;
        `quick_report` writes the table.

The contenders besides this service are: two minimal applications, whose cost is a lower limit; a textbook
handler in FastAPI; and the products MLServer, LitServe and BentoML.
"""
