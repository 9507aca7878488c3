"""What is known of every data set before it is there: source, licence, layout, which categories train."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets import (
    adam3d,
    anomaly_shapenet,
    eyecandies,
    folder,
    minishift,
    mulsen,
    mvtec3d,
    prerendered,
    real3d,
)
from align3d_cli.datasets.settings import GENERATED


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set on disk.

    source, licence: where it is to be had and on what terms; the project never downloads it
    tree:      the folders that are expected below the root, for messages
    auxiliary: categories one-vs-rest trains on in the papers, empty where the field agreed on none
    find:      root -> category folders; samples: category, folder -> its scans
    """

    name: str
    source: str
    licence: str
    tree: str
    auxiliary: tuple[str, ...]
    find: Callable[[Path], dict[str, Path]] = field(repr=False)
    samples: Callable[[str, Path], list[Sample]] = field(repr=False)


DATA_SETS = {
    d.name: d
    for d in (
        DataSet(
            "mvtec3d",
            "MVTec 3D-AD, https://www.mvtec.com/company/research/datasets/mvtec-3d-ad",
            "CC BY-NC-SA 4.0, no commercial use",
            "<root>/<category>/{train,validation}/good/{rgb/NNN.png,xyz/NNN.tiff}\n"
            "<root>/<category>/test/<good|defect>/{rgb/NNN.png,xyz/NNN.tiff,gt/NNN.png}",
            ("carrot", "cookie", "dowel"),
            mvtec3d.find,
            mvtec3d.samples,
        ),
        DataSet(
            "eyecandies",
            "Eyecandies, https://eyecan-ai.github.io/eyecandies",
            "none stated: research use, ask the authors for anything else",
            "<root>/<Category>/{train,val,test_public}/data/NN_{image_0.png,depth.png,info_depth.yaml,metadata.yaml,"
            "mask.png,bumps_mask.png,..}\nor a copy converted to the layout of mvtec3d",
            ("Confetto", "LicoriceSandwich", "PeppermintCandy"),
            eyecandies.find,
            eyecandies.samples,
        ),
        DataSet(
            "real3d",
            "Real3D-AD, https://github.com/M-3LAB/Real3D-AD (the pcd archive)",
            "CC BY 4.0 according to its README",
            "<root>/<category>/train/*template*.pcd\n"
            "<root>/<category>/test/{NNN_good*.pcd,NNN_<defect>*.pcd}\n"
            "<root>/<category>/gt/NNN_<defect>*.txt (rows x y z label)",
            ("shell", "starfish", "seahorse"),
            real3d.find,
            real3d.samples,
        ),
        DataSet(
            "anomaly-shapenet",
            "Anomaly-ShapeNet, https://github.com/Chopper-233/Anomaly-ShapeNet",
            "CC BY 4.0 according to its README",
            "<root>/dataset/pcd/<class>/train/*template*.pcd\n"
            "<root>/dataset/pcd/<class>/test/{*positive*.pcd,*<defect>*.pcd}\n"
            "<root>/dataset/pcd/<class>/GT/*<defect>*.txt (rows x,y,z,label)",
            (),
            anomaly_shapenet.find,
            anomaly_shapenet.samples,
        ),
        DataSet(
            "mulsen",
            "MulSen-AD, https://github.com/ZZZBBBZZZ/MulSen-AD",
            "CC BY 4.0 according to its README",
            "<root>/<category>/Pointcloud/train/N.stl\n"
            "<root>/<category>/Pointcloud/test/<good|defect>/N.stl\n"
            "<root>/<category>/Pointcloud/GT/<defect>/N.txt (the anomalous points)",
            (),
            mulsen.find,
            mulsen.samples,
        ),
        DataSet(
            "3d-adam",
            "3D-ADAM, arXiv 2507.07838",
            "CC BY-NC-SA 4.0, no commercial use",
            "<root>/<category>/{train,validation}/good/{rgb/NAME.png,xyz/NAME.tiff}\n"
            "<root>/<category>/test/<good|defect>/{rgb/NAME.png,xyz/NAME.tiff,ground_truth/NAME.png}",
            (),
            adam3d.find,
            adam3d.samples,
        ),
        DataSet(
            "minishift",
            "MiniShift, arXiv 2507.07435",
            "none stated: research use, ask the authors for anything else",
            "<root>/<category>/train/good/*.txt\n<root>/<category>/test/<good|defect>/*.txt (rows x y z label)",
            (),
            minishift.find,
            minishift.samples,
        ),
        DataSet(
            "prerendered",
            "the rendered data of PointAD, https://github.com/zqhang/PointAD, or of Align3D-AD",
            "none stated; of MVTec 3D-AD and Eyecandies beneath it, no commercial use",
            "<root>/[<class>_meta.json]\n"
            "<root>/<class>/test/<good|defect>/{rgb/NNN.png,xyz/NNN.tiff,gt/NNN.png} or {pcd/NNN.pcd,gt_pcd/NNN.pcd}\n"
            "<root>/<class>/test/<good|defect>/{2d_rendering,2d_rgb_rendering,2d_gt}/NNN/view_K*.png\n"
            "<root>/<class>/test/<good|defect>/2d_3d_cor/NNN/{nonzero_indices,view_K_cor}.npy",
            (),
            prerendered.find,
            prerendered.samples,
        ),
        DataSet(
            "folder",
            "your own scans",
            "yours",
            "<root>/[<category>/]good/*.{ply,pcd,tiff,stl,..}\n<root>/[<category>/]<defect>/*.{ply,pcd,tiff,stl,..}\n"
            "<root>/gt/<defect>/NAME.{npy,png,txt} (optional: labels of the points)",
            (),
            folder.find,
            folder.samples,
        ),
    )
}
AUXILIARY = {
    **{name: d.auxiliary for name, d in DATA_SETS.items()},
    GENERATED: ("cookie", "impeller", "connector"),  # our own choice, of the families held out of training
}
