"""Checks that an estimator on images, of any project, keeps scikit-learn's contract.

scikit-learn's ``check_estimator`` makes tables of numbers, so on an estimator whose X is a 1-d
sequence of images it runs one check and passes. These are the others.
"""

from ._run import ImageCheck, check_image_estimator, image_estimator_checks

__all__ = ["ImageCheck", "check_image_estimator", "image_estimator_checks"]
