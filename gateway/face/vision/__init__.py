"""The face process: cameras, detector, embedding, liveness."""

import os

# ONNX Runtime would make an id for this box and report what it does.  It looks when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
