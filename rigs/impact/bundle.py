# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies beside an exported clip: its events, the scripts that bring them into an engine, and a list with hashes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .events import Events

FORMAT = 1


def clip_events(
    events: Events, shift: float, seconds: float, sound: str | None, joints: Mapping[str, str], character: str
) -> dict[str, Any]:
    """The events of a clip as plain JSON values; times count from its first frame, as its sound does.

    Args:
        shift: s to be added to the events' times. seconds: how long the clip is.
        sound: the file beside the clip. joints: part of the character (left heel …) -> its bone.
        character: whose clip it is; its parts are told by their bones, other things by their names.
    """
    listed = []
    for event in events:
        time = event.time + shift
        if event.mute or not 0 <= time < seconds:
            continue
        own = event.objects[0] == character and event.part
        listed.append({
            "time": round(time, 6), "kind": event.kind, "object": event.objects[0], "other": event.objects[1],
            "part": event.part, "joint": joints.get(event.part, "") if own else "", "point": list(event.point),
            "normal": list(event.normal), "strength": event.impulse * event.gain, "speed": event.speed,
            "seconds": event.seconds, "materials": list(event.materials), "sound": sound or "",
        })  # fmt: skip
    return {"format": FORMAT, "axes": "Y up, metres", "seconds": seconds, "sound": sound or "", "events": listed}


def digest(path: str | Path) -> str:
    """SHA-256 of a file, in hex."""
    made = hashlib.sha256()
    with Path(path).open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            made.update(block)
    return made.hexdigest()


def manifest(files: Mapping[str, Path], target: str, seconds: float, fps: float) -> str:
    """JSON that names every file with its size and hash.

    Args:
        files: name -> where its content is now.
    """
    listed = [{"name": n, "bytes": p.stat().st_size, "sha256": digest(p)} for n, p in sorted(files.items())]
    table = {"format": FORMAT, "target": target, "seconds": seconds, "fps": fps, "files": listed}
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def identifier(name: str) -> str:
    """A name that a class may have."""
    made = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "Clip"
    return made if made[0].isalpha() else f"Clip_{made}"


def unreal_script(events_file: str) -> str:
    """Python for Unreal's editor: notifies on the selected animation sequence."""
    return _UNREAL.replace("@EVENTS@", json.dumps(events_file))


def unity_script(clip_file: str, events_file: str) -> str:
    """C# for a folder Editor of a Unity project: animation events on the clip whenever it is imported."""
    name = identifier(Path(clip_file).stem)
    return (
        _UNITY.replace("@CLASS@", name)
        .replace("@CLIP@", json.dumps(clip_file, ensure_ascii=False))
        .replace("@EVENTS@", json.dumps(events_file, ensure_ascii=False))
    )


_UNREAL = """# Select the imported animation sequence in the content browser, and run this in Unreal's editor:
# Tools > Execute Python Script. It puts a notify on the sequence for each event, and one that plays the clip's sound
# at its start if the sound was imported beside it. Run it again after another export: its own notifies are replaced.
import json
import os

import unreal

TRACK = "AVAnim"
EVENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), @EVENTS@)


def selected_sequence():
    chosen = [asset for asset in unreal.EditorUtilityLibrary.get_selected_assets()
              if isinstance(asset, unreal.AnimSequence)]
    if len(chosen) != 1:
        raise RuntimeError("Select exactly one animation sequence in the content browser.")
    return chosen[0]


def main():
    with open(EVENTS, encoding="utf-8") as file:
        table = json.load(file)
    sequence = selected_sequence()
    library = unreal.AnimationLibrary
    if library.is_valid_anim_notify_track_name(sequence, TRACK):
        library.remove_animation_notify_track(sequence, TRACK)
    library.add_animation_notify_track(sequence, TRACK, unreal.LinearColor(0.2, 0.6, 1.0, 1.0))
    length = library.get_sequence_length(sequence)
    count = 0
    for event in table["events"]:
        if event["time"] > length:
            continue
        notify = library.add_animation_notify_event(sequence, TRACK, event["time"], unreal.AnimNotify_PlaySound)
        notify.set_editor_property("attach_name", event["joint"] or "None")
        # The strength is the volume of whatever sound you give the notify; 1 N s is full.
        notify.set_editor_property("volume_multiplier", min(1.0, max(0.05, event["strength"])))
        count += 1
    folder = os.path.dirname(sequence.get_path_name())
    name = os.path.splitext(table["sound"])[0]
    sound = unreal.load_asset(folder + "/" + name) if name else None
    if isinstance(sound, unreal.SoundBase):
        notify = library.add_animation_notify_event(sequence, TRACK, 0.0, unreal.AnimNotify_PlaySound)
        notify.set_editor_property("sound", sound)
    unreal.EditorAssetLibrary.save_loaded_asset(sequence)
    unreal.log("AVAnim: {} events on {}".format(count, sequence.get_name()))


main()
"""

_UNITY = """// Put this into a folder Editor of the Unity project, and the clip and its events into Assets.
// At every import it gives the clip an animation event OnImpact(AnimationEvent) for each contact: floatParameter is
// the strength in N s, stringParameter "joint or object|material|material|kind".
using System;
using System.IO;
using UnityEditor;
using UnityEngine;

public class @CLASS@Impacts : AssetPostprocessor
{
    const string Clip = @CLIP@;
    const string Events = @EVENTS@;

    [Serializable]
    class Item
    {
        public float time;
        public string kind;
        public string @object;
        public string joint;
        public float strength;
        public string[] materials;
    }

    [Serializable]
    class Table
    {
        public float seconds;
        public Item[] events;
    }

    void OnPreprocessAnimation()
    {
        if (Path.GetFileName(assetPath) != Clip) return;
        string path = Path.Combine(Path.GetDirectoryName(assetPath), Events);
        if (!File.Exists(path)) return;
        Table table = JsonUtility.FromJson<Table>(File.ReadAllText(path));
        ModelImporter importer = (ModelImporter)assetImporter;
        ModelImporterClipAnimation[] clips = importer.clipAnimations;
        if (clips.Length == 0) clips = importer.defaultClipAnimations;
        foreach (ModelImporterClipAnimation clip in clips)
        {
            AnimationEvent[] made = new AnimationEvent[table.events.Length];
            for (int i = 0; i < made.Length; i++)
            {
                Item item = table.events[i];
                made[i] = new AnimationEvent
                {
                    // A clip's events are placed by their share of its length.
                    time = table.seconds > 0 ? item.time / table.seconds : 0f,
                    functionName = "OnImpact",
                    floatParameter = item.strength,
                    stringParameter = string.Join("|", string.IsNullOrEmpty(item.joint) ? item.@object : item.joint,
                        item.materials[0], item.materials[1], item.kind),
                    messageOptions = SendMessageOptions.DontRequireReceiver
                };
            }
            clip.events = made;
        }
        importer.clipAnimations = clips;
    }
}
"""
