/*-------------------------------------------------------------------------
 *
 * rwset.h
 *	  Set in which removing wins.
 *
 * Both an add and a remove give their element a new dot, of their kind, in
 * place of those they have seen.  An element is present while it has a dot
 * of an add and none of a remove: a remove beats the adds that it has not
 * seen, and those that have not seen it; an add that has seen it takes its
 * place.  A causal set (causal_set.h).
 *
 * For that to hold, a removed element stays, with the dot of its remove, and
 * so does one that was removed without having been there: somebody may be
 * adding it.  Adding it again, or a reset of the set, ends that.
 *
 * Text: {apple london@7} removed {pear paris@9 -} seen {london 3-5}
 *
 * Almeida, Shoker, Baquero 2018, section 7 (remove-wins set).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVG_CORE_RWSET_H
#define CVG_CORE_RWSET_H

#include "core/set.h"

extern const CvgCrdtOps cvg_rwset_ops;
extern const CvgSetOps cvg_rwset;

#endif							/* CVG_CORE_RWSET_H */
