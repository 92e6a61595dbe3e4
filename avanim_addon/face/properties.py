# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportInvalidTypeForm=false
"""The face panel's settings, `Scene.avanim.face`."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...models.face import METHODS
from ...rigs.emotion import EMOTIONS
from ..compat import versions

# The table of methods alone loads no torch.
_METHOD_ITEMS = tuple((name, method.title, method.reference) for name, method in METHODS.items())
_FEELINGS = ("NONE", *(name.upper() for name in EMOTIONS), "CURVE")
_TEXTS = {
    "NONE": ("None", "No emotion is added"),
    "CURVE": ("Over time", "Emotions, their amounts and times, as a text"),
}


def _amount(name: str, description: str, low: float = 0.0, high: float = 2.0, default: float = 1.0) -> object:
    return FloatProperty(name=name, description=description, min=low, max=high, default=default, precision=2)


class AVANIM_PG_face(bpy.types.PropertyGroup):
    source: EnumProperty(
        name="From a",
        description="Where the speech comes from",
        items=(
            ("FILE", "File", "A sound file, or the sound of a film"),
            ("STRIP", "Strip", "A sound strip of this scene's sequencer: its visible part, at its place"),
        ),
    )
    audio: StringProperty(
        name="Speech",
        description="Any sound file or film that has sound; the language need not be named",
        subtype="FILE_PATH",
        maxlen=1024,
        options=versions.RELATIVE_PATH,
    )
    strip: StringProperty(name="Strip", description="A sound strip of the sequencer")
    start: FloatProperty(name="From", description="Begin here in the file", min=0, unit="TIME_ABSOLUTE", subtype="TIME")
    seconds: FloatProperty(
        name="Length", description="Speak so long; 0 is to the end", min=0, unit="TIME_ABSOLUTE", subtype="TIME"
    )
    channel: EnumProperty(
        name="Channel",
        description="Which channel to listen to, where two speakers have one each",
        items=(("mix", "Mix", "All channels together"), ("left", "Left", "The left"), ("right", "Right", "The right")),
    )
    text: StringProperty(
        name="Text", description="What is said, if you know it, or a .txt file: it is aligned to the sound"
    )
    language: StringProperty(name="Language", description="Of the text, such as de; left empty it is guessed")
    use_range: BoolProperty(
        name="Preview range only", description="Make only the frames of the timeline's preview range (P) anew"
    )
    method: EnumProperty(name="Method", description="How the mouth is moved", items=_METHOD_ITEMS)
    seed: IntProperty(name="Seed", description="Another seed is another play of eyes, brows and head", min=0, default=1)

    articulation: _amount("Articulation", "0 mumbles, 1 as spoken, 2 exaggerates")
    jaw: _amount("Jaw", "Size of the jaw's movement")
    lips: _amount("Lips", "Size of the lips' movement")
    tongue: _amount("Tongue", "Size of the tongue's movement")
    closure: _amount("Closure", "How hard the lips press in p, b, m and f, v; they touch even at 0")
    smoothing: _amount("Smoothing", "0 crisp, 1 sluggish", high=1.0, default=0.2)
    natural: _amount(
        "Natural", "How far the mouth does as a captured face would, within each sound", high=1.0, default=0.7
    )
    lead_ms: FloatProperty(
        name="Lead (ms)", description="The mouth comes so many milliseconds earlier; below 0 later", min=-500, max=500
    )
    stepped: BoolProperty(name="Stepped", description="Poses that are held, with constant keys: for drawn mouths")
    hold_ms: FloatProperty(name="Hold (ms)", description="The shortest pose", min=0, max=500, default=80)

    upper: _amount("Upper face", "Amount of everything beside the mouth")
    blinks: _amount("Blinks", "How often the eyes blink")
    saccades: _amount("Eyes", "How far the eyes dart")
    brows: _amount("Brows", "How far brows rise on accents")
    head: _amount("Head", "How far the head nods and sways")
    breath: _amount("Breath", "How much is breathed between phrases")

    emotion: EnumProperty(
        name="Emotion",
        description="Added to the face; the lips still close",
        items=tuple((name, *_TEXTS.get(name, (name.title(), f"A face that is {name.lower()}"))) for name in _FEELINGS),
    )
    emotion_amount: _amount("Amount", "How strong", high=1.0, default=0.6)
    emotion_curve: StringProperty(
        name="Emotions", description="Names, amounts and seconds, such as happy:0.6@0, sad:1@3.5", default="happy:0.6@0"
    )
    suggest_emotion: _amount("From the voice", "How far to follow the mood that the voice seems to have", 0, 1, 0)

    do_mouth: BoolProperty(name="Mouth", description="Move mouth, jaw and tongue", default=True)
    do_brows: BoolProperty(name="Brows", description="Move the brows", default=True)
    do_eyes: BoolProperty(name="Eyes", description="Move lids and gaze", default=True)
    do_cheeks: BoolProperty(name="Cheeks", description="Move cheeks and nose", default=True)
    do_head: BoolProperty(name="Head", description="Turn the head", default=True)
    additive: BoolProperty(
        name="Add to what plays", description="Let the take add to the tracks below it instead of replacing them"
    )
    error: FloatProperty(
        name="Fewer keys",
        description="Leave out keys where no weight changes by more than this; 0 keeps one a frame",
        min=0,
        max=0.2,
        precision=3,
    )
    add_sound: BoolProperty(
        name="Sound strip", description="Put the speech into the sequencer, in step with the mouth", default=True
    )
    fit_range: BoolProperty(name="Scene range", description="Let the scene's frame range end with the speech")
    show_markers: BoolProperty(
        name="Phoneme markers", description="Put the phonemes on the timeline as markers that can be moved"
    )
    path: StringProperty(
        name="File",
        description="Where to write the face, without an ending. // is the folder of the .blend",
        default="//face",
        subtype="FILE_PATH",
        options=versions.RELATIVE_PATH,
    )


CLASSES = (AVANIM_PG_face,)
