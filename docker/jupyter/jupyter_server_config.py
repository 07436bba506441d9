"""JupyterLab in a container: reached from outside, with the notebooks of the shared volume."""

import os

c = get_config()  # noqa: F821

c.ServerApp.ip = "0.0.0.0"
c.ServerApp.port = 8888
c.ServerApp.open_browser = False
workspace = os.environ.get("SPRINGALD_WORKSPACE", "/opt/workspace")
c.ServerApp.root_dir = os.environ.get("JUPYTER_FOLDER", f"{workspace}/notebooks")
# Nothing is looked for on the network at start.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
