0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 partition node1 | rest
3.000 candidates node1
3.000 client0 write r0 A
      node1 leads no more
      client0 writes r0: unknown
       the faults stop for node1 node2 node3
       node2 campaigns in term 3
       node2 leads in term 3
       committed to 9
       held
