"""Label Studio's ML backend: it asks for predictions and tells what people annotate, and a model learns from that.

`protocol` holds what Label Studio asks and is answered (https://labelstud.io/guide/ml_create), `journal` the
annotations that have come, in a file, `missed` those that came while nobody listened, and `pupil` trains a model on
them beside the server, in processes of its own, so that nothing here knows PyTorch.
"""

from tagger.adapters.server.studio.journal import Journal
from tagger.adapters.server.studio.missed import keep_missed
from tagger.adapters.server.studio.protocol import add_protocol, is_asked, predict_tasks
from tagger.adapters.server.studio.pupil import Lessons, Pupil, find_newest

__all__ = [
    "Journal",
    "Lessons",
    "Pupil",
    "add_protocol",
    "find_newest",
    "is_asked",
    "keep_missed",
    "predict_tasks",
]
